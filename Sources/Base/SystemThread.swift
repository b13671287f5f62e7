// Threads whose start reports failure; Foundation's own threads fail in silence.
import CProcessor
import Foundation

package enum SystemThread {
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(_ name: String, _ body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  /// Starts at once, and ends with `body`.
  /// - Parameters:
  ///   - name: at most 15 bytes, for debuggers.
  ///   - stack: its size in bytes.
  /// - Throws: `UserError` if the system starts no more threads.
  package static func start(
    _ name: String, stack: Int, _ body: @escaping @Sendable () -> Void
  ) throws {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    pthread_attr_setstacksize(&attributes, stack)
    let start = Unmanaged.passRetained(Start(name, body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
        swiftdp_name_thread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw UserError(
        .data, "no thread can be started for \(name): \(String(cString: strerror(code)))",
        hint: "raise the limit (ulimit -u, ulimit -v, the job's tasks), or use fewer threads")
    }
  }
}
