// How much memory the processes of this host may use: the memory of the machine, or less if control groups limit it.
import Foundation

/// Bytes that the processes of this host may use, whether they are in use or not.
package var usableMemory: Double {
  let physical = Double(sysconf(Int32(_SC_PHYS_PAGES))) * Double(sysconf(Int32(_SC_PAGESIZE)))
  let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
  let limits = controlGroupLimits(groups) { try? String(contentsOfFile: $0, encoding: .utf8) }
  return limits.reduce(physical, min)
}

/// Bytes that this host's processes could still get without taking them from others; 0 if the system does not say.
package var availableMemory: Double {
  let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
  let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
  let room = controlGroupRoom(groups) { try? String(contentsOfFile: $0, encoding: .utf8) }
  return room.reduce((field("MemAvailable:", of: text) ?? 0) * 1024, min)
}

/// The limits of a process's control groups and of all groups around them, in bytes; a container may see its
/// own group as the root.
/// - Parameters:
///   - groups: /proc/self/cgroup (cgroups(7)).
///   - read: gives the text of a file; nil if there is none.
package func controlGroupLimits(_ groups: String, read: (String) -> String?) -> [Double] {
  memoryGroups(groups).compactMap { $0.limit(read) }
}

/// What is left below each of those limits; memory that holds files counts as free.
package func controlGroupRoom(_ groups: String, read: (String) -> String?) -> [Double] {
  memoryGroups(groups).compactMap { group in
    guard let limit = group.limit(read), let used = group.number(group.names.used, read) else { return nil }
    let files = field("inactive_file", of: read("\(group.folder)/memory.stat") ?? "") ?? 0
    return max(limit - used + files, 0)
  }
}

/// A control group that may limit memory.
private struct MemoryGroup {
  var folder: String
  var names: (limit: String, used: String)

  func number(_ file: String, _ read: (String) -> String?) -> Double? {
    read("\(folder)/\(file)").flatMap { Double($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
  }

  /// "max" means no limit.
  func limit(_ read: (String) -> String?) -> Double? { number(names.limit, read) }
}

private func memoryGroups(_ groups: String) -> [MemoryGroup] {
  groups.split(separator: "\n").flatMap { line -> [MemoryGroup] in
    let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard fields.count == 3 else { return [] }
    let root: String
    let names: (limit: String, used: String)
    if fields[1].split(separator: ",").contains("memory") {
      root = "/sys/fs/cgroup/memory"
      names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    } else if fields[0] == "0", fields[1].isEmpty {
      root = "/sys/fs/cgroup"
      names = ("memory.max", "memory.current")
    } else {
      return []
    }
    let path = fields[2].split(separator: "/")
    return (0...path.count).map { count in
      MemoryGroup(folder: ([root] + path.prefix(count).map(String.init)).joined(separator: "/"), names: names)
    }
  }
}

/// The number behind a name, in a text whose lines have that form.
private func field(_ name: String, of text: String) -> Double? {
  let line = text.split(separator: "\n").first { $0.hasPrefix(name + " ") }
  return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }
}
