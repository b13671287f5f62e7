// Notes the deadly signal of a process.
import Base
import CProcessor
import Foundation

/// Notes a deadly signal on the board, and then lets it take its usual course.
enum CrashNote {
  nonisolated(unsafe) private static var word: UnsafeMutablePointer<Int64>?

  static func install(_ slot: BoardSlot) {
    word = slot.base + BoardSlot.Word.signal.rawValue
    // A SIGBUS of a mapped file is handled there; one of other memory comes here.
    MappedRange.watch(otherwise: note)
    for signal in [SIGSEGV, SIGILL, SIGTRAP, SIGABRT, SIGFPE] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        CrashNote.note(number)
        // The handler is reset by now, so the same fault ends the process.
        raise(number)
      }
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
      sigaction(signal, &action, nil)
    }
  }

  private static let note: @convention(c) (Int32) -> Void = { number in
    if let word = CrashNote.word { swiftdp_store_release(word, Int64(number)) }
  }
}
