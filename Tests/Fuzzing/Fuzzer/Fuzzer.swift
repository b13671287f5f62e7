// Runs libFuzzer over one reader; only launch/fuzz builds it.
import Foundation
import FuzzReaders

/// https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ testOneInput: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

@main
enum Fuzzer {
  static let reader: HostileReader = {
    let name = ProcessInfo.processInfo.environment["FUZZ_READER"] ?? ""
    guard let reader = HostileReader(rawValue: name) else { fatalError("FUZZ_READER names no reader") }
    return reader
  }()

  static let folder: String = {
    let path = ProcessInfo.processInfo.environment["FUZZ_FOLDER"] ?? ""
    guard FileManager.default.fileExists(atPath: path) else { fatalError("FUZZ_FOLDER names no folder") }
    return path
  }()

  static func main() {
    var count = CommandLine.argc
    var words = CommandLine.unsafeArgv
    exit(
      runDriver(&count, &words) { start, count in
        do {
          try Fuzzer.reader.read(UnsafeRawBufferPointer(start: start, count: count), in: Fuzzer.folder)
        } catch {
          do { try Refusal.check(error) } catch { fatalError("\(error)") }
        }
        return 0
      })
  }
}
