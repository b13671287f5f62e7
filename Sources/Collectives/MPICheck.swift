// Handles a failed call of MPI. Communicators return their errors (MPI_ERRORS_RETURN), and every code is checked
// here, since MPI's own handler prints a whole page.
import Base
import CMPI
import Foundation

/// Ends the run if a call failed: its result is missing, and other ranks wait in the call.
@inline(__always)
func check(_ code: Int32, _ call: StaticString) {
  if code != MPI_SUCCESS { fail(code, call) }
}

@inline(never)
private func fail(_ code: Int32, _ call: StaticString) -> Never {
  // The usual reason is a rank that is gone. The watching threads name it, and end this process first.
  usleep(500_000)
  var text = [CChar](repeating: 0, count: Int(MPI_MAX_ERROR_STRING))
  var count: Int32 = 0
  MPI_Error_string(code, &text, &count)
  let reason = String(decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  FatalEnd.end(
    UserError(
      .tryAgain, "\(call) failed: \(reason)",
      hint:
        "look at the network and the memory of the hosts, and start again to go on from the last checkpoint"))
}
