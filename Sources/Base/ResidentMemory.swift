// How much memory this process has, asked so cheaply that a picture of ten a second may do it.
import Foundation

/// The bytes that are resident, shared ones included; nil if the system does not say.
package func residentBytes() -> Int? {
  guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
    let pages = text.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
  else { return nil }
  return pages * sysconf(Int32(_SC_PAGESIZE))
}
