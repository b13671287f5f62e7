import Base
import Foundation
import Testing

@Suite struct UserPathsTests {
  let paths = UserPaths(home: "/home/of/mine", shipped: "/opt/shipped")

  @Test func aHomeFolderIsWhatAShellHas() throws {
    // The shell's own result for the same words; it leaves a name that it does not know as it is.
    let shell = Process()
    let pipe = Pipe()
    let words = ["~", "~/", "~/a b", "~//x", "~root", "~root/x", "a/~", "./~", "a~b", "/~", "x=~"]
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", words.map { "echo " + $0.replacing(" ", with: "\\ ") }.joined(separator: "\n")]
    shell.environment = ["HOME": "/home/of/mine"]
    shell.standardOutput = pipe
    try shell.run()
    let out = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let expected = out.split(separator: "\n").map(String.init)
    #expect(expected.count == words.count && expected[0] == "/home/of/mine")
    #expect(try words.map { try paths.path($0) } == expected)
  }

  @Test func withoutHOMEItIsThatOfTheSystem() throws {
    let own = String(cString: try #require(getpwuid(getuid())).pointee.pw_dir)
    #expect(try UserPaths(home: "").path("~/x") == own + "/x")
    #expect(try UserPaths().path("~") == own)
    #expect(try UserPaths(home: "/").path("~/x") == "/x")
  }

  @Test func whatLeadsNowhereIsRefused() {
    var checked = 0
    for (text, message) in [
      ("", "is empty (was it an unset variable?)"),
      (
        "~nobody-at-all/x",
        "there is no user nobody-at-all (a name that itself begins with ~ is written ./~nobody-at-all/x)"
      ),
    ] {
      do {
        Issue.record("\(try paths.path(text))")
      } catch { #expect("\(error)" == message) }
      checked += 1
    }
    #expect(checked == 2)
  }

  @Test func shippedFilesHaveAName() throws {
    #expect(try paths.path("shipped:base") == "/opt/shipped/base")
    #expect(paths.name(of: "/opt/shipped/base") == "shipped:base")
    #expect(paths.name(of: "/opt/shipped-not/base") == "/opt/shipped-not/base")
    #expect(try UserPaths().path("shipped:base") == "shipped:base")
  }
}
