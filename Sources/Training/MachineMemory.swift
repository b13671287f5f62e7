// How much memory the processes of this host may use: what the machine has, or less where control groups say so.
import Foundation

/// Bytes that the processes of this host may use, whether they are in use or not.
package var usableMemory: Double {
  let physical = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
  let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
  let limits = controlGroupLimits(groups) { try? String(contentsOfFile: $0, encoding: .utf8) }
  return limits.reduce(physical, min)
}

/// The limits of a process's control groups and of all groups around them, in bytes; a container may see its
/// own group as the root.
/// - Parameters:
///   - groups: /proc/self/cgroup (cgroups(7)).
///   - read: the text of a file; nil where there is none.
package func controlGroupLimits(_ groups: String, read: (String) -> String?) -> [Double] {
  groups.split(separator: "\n").flatMap { line -> [Double] in
    let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3 else { return [] }
    let (root, file): (String, String)
    if fields[1].split(separator: ",").contains("memory") {
      (root, file) = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else if fields[0] == "0", fields[1].isEmpty {
      (root, file) = ("/sys/fs/cgroup", "memory.max")
    } else {
      return []
    }
    let path = fields[2].split(separator: "/")
    return (0...path.count).compactMap { count in
      let folder = ([root] + path.prefix(count).map(String.init)).joined(separator: "/")
      // "max" is no limit.
      return read("\(folder)/\(file)").flatMap {
        Double($0.trimmingCharacters(in: .whitespacesAndNewlines))
      }
    }
  }
}
