// The choices of kernels that were measured before, in a file of the user's.
import Base
import Foundation

/// A file that a choice rests on.
package struct FileStamp: Codable, Hashable, Sendable {
  package let path: String
  package let bytes: Int
  /// Nanoseconds since 1970.
  package let changed: Int

  /// Nil if there is no such file.
  package init?(_ path: String) {
    var facts = stat()
    guard stat(path, &facts) == 0 else { return nil }
    self.path = path
    bytes = Int(facts.st_size)
    changed = facts.st_mtim.tv_sec * 1_000_000_000 + facts.st_mtim.tv_nsec
  }

  var isCurrent: Bool { FileStamp(path) == self }
}

package struct KernelMemory: Sendable {
  private struct Entry: Codable {
    let key: String
    let choice: KernelChoice
  }
  private struct Content: Codable {
    var format: Int
    var entries: [Entry]
  }
  private static let format = 1
  /// Oldest entries go first.
  private static let mostEntries = 200
  private static let mostBytes = 4 << 20

  private let file: String

  /// - Parameter folder: where users keep what can be made again, such as `~/.cache`.
  package init(folder: String) { file = folder + "/swiftdp/kernels.json" }

  /// The choice for a key; nil if there is none, or if a file that it rests on has changed.
  /// - Parameter candidates: a choice of anything else is foreign.
  package func choice(_ key: String, among candidates: [String]) -> KernelChoice? {
    guard let found = try? content().entries.last(where: { $0.key == key })?.choice,
      found.isMeasured, candidates.contains(found.name), found.files.allSatisfy(\.isCurrent)
    else { return nil }
    return found
  }

  /// Why the file, which is there, cannot be read; nil if it can.
  package var flaw: String? {
    guard access(file, F_OK) == 0 else { return nil }
    do {
      _ = try content()
      return nil
    } catch { return "\(file) was no list of kernels and is replaced" }
  }

  /// Adds a choice; the file is replaced whole, by rename.
  /// - Returns: why it could not be written; nil if it was.
  package func keep(_ choice: KernelChoice, for key: String) -> String? {
    var entries = (try? content().entries) ?? []
    entries.removeAll { $0.key == key }
    entries.append(Entry(key: key, choice: choice))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      let content = Content(format: Self.format, entries: entries.suffix(Self.mostEntries))
      try makeFolder()
      try encoder.encode(content).write(to: URL(fileURLWithPath: file), options: .atomic)
      return nil
    } catch { return "\(file): cannot be written" }
  }

  /// Runs `body` while no other process does, if the folder can be written and others end in time: runs that start
  /// together measure once.
  package func alone<Result>(within seconds: Double, _ body: () throws -> Result) rethrows -> Result {
    try? makeFolder()
    let descriptor = open(file + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { if descriptor >= 0 { close(descriptor) } }
    let end = monotonicNanoseconds() + UInt64(seconds * 1e9)
    while descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR,
      monotonicNanoseconds() < end
    {
      usleep(2000)
    }
    return try body()
  }

  private func makeFolder() throws {
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
  }

  private func content() throws -> Content {
    let data = try Data(contentsOf: URL(fileURLWithPath: file))
    guard data.count <= Self.mostBytes else { throw CocoaError(.fileReadTooLarge) }
    let content = try JSONDecoder().decode(Content.self, from: data)
    guard content.format == Self.format else { throw CocoaError(.fileReadCorruptFile) }
    return content
  }
}
