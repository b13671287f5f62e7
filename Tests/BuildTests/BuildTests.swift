// The programs that other tests start. They are built with the tests because this target depends on them: it is small,
// and so what takes long to compile, the tests that start them, need not wait for them.
import Foundation
import Testing

@Suite struct BuildTests {
  @Test(arguments: ["swiftdp", "survey", "RankChecks", "FuzzReplay", "NetworkDelay"])
  func programIsBuilt(_ name: String) {
    let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #expect(access(folder.path + "/" + name, X_OK) == 0)
  }
}
