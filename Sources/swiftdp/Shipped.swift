// The model, the tasks and the recipe that ship with swiftdp.
import Base
import Foundation

enum Shipped {
  /// The file that this process runs, after links to it are resolved.
  static var binary: URL { URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath() }

  /// The folder of the shipped files: beside the binary.
  /// - Throws: if the binary was moved without it.
  static func folder() throws -> String {
    let folder = binary.deletingLastPathComponent().path + "/swiftdp_swiftdp.resources/Shipped"
    guard FileManager.default.fileExists(atPath: folder) else {
      throw UserError(
        .usage, "what ships with swiftdp is not beside the binary", at: folder,
        hint: "copy swiftdp_swiftdp.resources along with swiftdp, or link to the binary")
    }
    return folder
  }
}
