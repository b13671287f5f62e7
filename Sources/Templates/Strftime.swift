// The date and time of now, for `strftime_now`.
import Foundation

enum Strftime {
  /// - Parameter format: that of C's `strftime`, in the C locale.
  static func now(_ format: [UInt8], _ rendering: Rendering) throws -> [UInt8] {
    guard format.count <= 10_000, !format.contains(0) else {
      throw PythonError("strftime_now: the format is too long")
    }
    guard !format.isEmpty else { return [] }
    var clock = timespec()
    if let time = rendering.time { clock.tv_sec = time } else { clock_gettime(CLOCK_REALTIME, &clock) }
    var time = tm()
    localtime_r(&clock.tv_sec, &time)
    // Python knows microseconds, C does not.
    let micros = String(clock.tv_nsec / 1_000)
    let padded = String(repeating: "0", count: 6 - micros.count) + micros
    var expanded: [UInt8] = []
    var at = 0
    while at < format.count {
      if format[at] == UInt8(ascii: "%"), at + 1 < format.count {
        switch format[at + 1] {
        case UInt8(ascii: "f"): expanded += padded.utf8
        // A time without a zone has an empty one.
        case UInt8(ascii: "z"), UInt8(ascii: "Z"): break
        default: expanded += format[at...(at + 1)]
        }
        at += 2
      } else {
        expanded.append(format[at])
        at += 1
      }
    }
    // A byte that is always there tells an empty result from a buffer that is too small.
    expanded.append(UInt8(ascii: "."))
    var buffer = [CChar](repeating: 0, count: expanded.count * 32 + 256)
    try rendering.make(buffer.count)
    let count = strftime(&buffer, buffer.count, String(decoding: expanded, as: UTF8.self), &time)
    return buffer[..<max(0, count - 1)].map(UInt8.init(bitPattern:))
  }
}
