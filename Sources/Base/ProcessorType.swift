// The type of this machine's processor.
import Foundation

package struct ProcessorType: Sendable, Equatable {
  /// The name, and the family and model numbers where there are some: virtual machines often hide which "EPYC" it is.
  /// Empty if nothing is known.
  package let words: String

  package static let current = ProcessorType(
    processorInfo: (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "")

  /// - Parameter processorInfo: /proc/cpuinfo, of which the first processor counts.
  package init(processorInfo: String) {
    var values: [Substring: String] = [:]
    for line in processorInfo.split(separator: "\n", omittingEmptySubsequences: false) {
      // The next processor follows an empty line.
      if line.isEmpty, !values.isEmpty { break }
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let key = parts.first?.split(separator: "\t").first else { continue }
      values[key] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    let keys: [(name: String, key: Substring)] = [
      ("family", "cpu family"), ("model", "model"), ("part", "CPU part"),
    ]
    let numbers = keys.compactMap { name, key in values[key].map { "\(name) \($0)" } }
    let name = values["model name"] ?? values["CPU implementer"].map { "implementer \($0)" } ?? ""
    let detail = numbers.joined(separator: ", ")
    words = name.isEmpty || detail.isEmpty ? name + detail : "\(name) (\(detail))"
  }
}
