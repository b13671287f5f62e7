import Base
import Checkpoints
import Foundation
import Testing

@Suite struct DirectoryPublishTests {
  private let scratch: ScratchFolder
  init() throws { scratch = try ScratchFolder() }

  private func names(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path).sorted()
  }

  @Test func aFolderAppearsWhole() throws {
    let folder = DirectoryPublish("\(scratch.path)/runs/step-10/")
    try folder.begin()
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder.staging + "/a"))
    #expect(try names("\(scratch.path)/runs") == ["step-10.incomplete"])
    try folder.publish()
    #expect(try names("\(scratch.path)/runs") == ["step-10"])
    #expect(try names(folder.path) == ["a"])
  }

  @Test func whatAnInterruptedRunLeftIsRemoved() throws {
    let folder = DirectoryPublish("\(scratch.path)/c")
    try folder.begin()
    try Data("x".utf8).write(to: URL(fileURLWithPath: folder.staging + "/old"))
    try folder.begin()
    #expect(try names(folder.staging) == [])
    try DirectoryPublish("\(scratch.path)/b").begin()
    try scratch.file("kept", [1])
    #expect(try DirectoryPublish.removeStale(in: scratch.path) == ["b.incomplete", "c.incomplete"])
    #expect(try names(scratch.path) == ["kept"])
    #expect(try DirectoryPublish.removeStale(in: scratch.path + "/nowhere") == [])
  }

  @Test func aLinkIsRemovedAndNotFollowed() throws {
    try scratch.file("kept", [1])
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/link.incomplete", withDestinationPath: scratch.path)
    #expect(try DirectoryPublish.removeStale(in: scratch.path) == ["link.incomplete"])
    #expect(try names(scratch.path) == ["kept"])
  }

  @Test func nothingIsReplaced() throws {
    let folder = DirectoryPublish("\(scratch.path)/c")
    for turn in 0..<2 {
      try folder.begin()
      try Data("\(turn)".utf8).write(to: URL(fileURLWithPath: folder.staging + "/a"))
      if turn == 0 { try folder.publish() }
    }
    #expect(
      throws: UserError(
        .disk, "exists already", at: folder.path, hint: "the new one is complete in \(folder.staging)")
    ) { try folder.publish() }
    #expect(try String(contentsOfFile: folder.path + "/a", encoding: .utf8) == "0")
  }

  @Test func aNewOneTakesThePlaceOfTheOld() throws {
    let folder = DirectoryPublish("\(scratch.path)/c")
    for turn in 0..<2 {
      try folder.begin()
      try Data("\(turn)".utf8).write(to: URL(fileURLWithPath: folder.staging + "/\(turn)"))
      try folder.publish(replacing: true)
    }
    #expect(try names(scratch.path) == ["c"])
    #expect(try names(folder.path) == ["1"])
  }

  /// The state that a run leaves if it ends between two renames, or after both.
  @Test func whatWasSetAsideIsPutBack() throws {
    let manager = FileManager.default
    func make(_ name: String) throws {
      try manager.createDirectory(atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
    }
    for name in ["a.replaced/old", "a.incomplete/new", "b.replaced/old", "b/new"] { try make(name) }
    #expect(try DirectoryPublish.removeStale(in: scratch.path) == ["a.incomplete"])
    #expect(try names(scratch.path) == ["a", "b"])
    #expect(try names(scratch.path + "/a") == ["old"] && names(scratch.path + "/b") == ["new"])
    try make("c.replaced/old")
    let folder = DirectoryPublish("\(scratch.path)/c")
    try folder.begin()
    #expect(try names(folder.path) == ["old"])
    #expect(try names(scratch.path) == ["a", "b", "c", "c.incomplete"])
    try folder.abandon()
    #expect(try names(scratch.path) == ["a", "b", "c"])
  }

  @Test func aFileInTheWayIsTold() throws {
    try scratch.file("file", [1])
    do {
      try DirectoryPublish("\(scratch.path)/file/c").begin()
      Issue.record("a folder was made in a file")
    } catch let error as UserError {
      #expect(error.code == .disk)
      #expect(
        error.description.replacing(scratch.path, with: "DIR").hasPrefix("DIR/file/c.incomplete: cannot be "))
    }
  }
}
