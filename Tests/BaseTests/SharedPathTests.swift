import Base
import Foundation
import Testing

@Suite struct SharedPathTests {
  @Test func whatComesLaterIsWaitedFor() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent("late").path
    #expect(!SharedPath(file).isThere)
    #expect(!SharedPath(file).wait(limit: 0.2))
    let writer = Thread {
      usleep(300_000)
      _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    writer.start()
    #expect(SharedPath(file).wait(limit: 20))
    #expect(SharedPath(file).isThere)
  }
}
