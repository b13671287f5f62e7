// The model, the tasks and the recipe that ship with swiftdp.
import Base
import Foundation

enum Shipped {
  /// The folder of the shipped files: beside the binary, after links to it are resolved.
  /// - Throws: if the binary was moved without it.
  static func folder() throws -> String {
    let binary = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let folder = binary.deletingLastPathComponent().path + "/swiftdp_swiftdp.resources/Shipped"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw UserError(
        .usage, "what ships with swiftdp is not beside the binary", at: folder,
        hint: "copy swiftdp_swiftdp.resources along with swiftdp, or link to the binary")
    }
    return folder
  }
}
