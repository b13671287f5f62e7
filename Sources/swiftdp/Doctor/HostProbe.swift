// What a host tells of itself when it is asked over ssh, without MPI: `swiftdp doctor --probe REQUEST`.
import Base
import CProcess
import Collectives
import Foundation
import Kernels

/// What a host is asked.
struct ProbeRequest: Codable {
  /// Names that it should know.
  var names: [String]
  /// A port that ranks may use, to find firewalls.
  var port: Int
  /// The folder that the run starts in.
  var folder: String
  /// Folders that it should see; nil if there is no recipe.
  var model: String?
  /// Folders that it should write to.
  var offloads: [String]
  /// A file that the asking host has written, and what is in it.
  var file: String?
  var token: String

  var encoded: String {
    String(decoding: (try? JSONEncoder().encode(self)) ?? Data(), as: UTF8.self)
  }
}

struct HostProbe: Codable {
  /// Tells builds apart.
  var build: String
  var version: String
  var mpi: String
  /// Seconds since 1970 by its clock.
  var time: Double
  /// Names of other hosts that it cannot resolve.
  var unresolved: [String]
  /// Hosts that neither take nor refuse a connection from it.
  var unreachable: [String]
  /// The folders of the request that it does not see.
  var missing: [String]
  /// What it read from the file of the request; nil if there is none.
  var token: String?
  /// Why a folder that should be written to cannot be; nil if all can.
  var offload: String?
  /// Why it cannot compute; nil if it can.
  var unable: String?
  /// Whether a command by ssh finds Open MPI's daemon.
  var hasDaemon: Bool

  static let build = String(UInt(swiftdp_build_id()), radix: 16)

  /// Looks at this host.
  init(_ request: ProbeRequest, path: String) {
    build = Self.build
    version = Command.configuration.version
    mpi = Ranks.libraryVersion
    time = Date().timeIntervalSince1970
    unresolved = request.names.filter { HostNetwork.addresses(of: $0).isEmpty }
    unreachable = Reach(of: request.names, port: request.port).silent
    missing = [request.folder, request.model].compactMap { $0 }.filter { !Self.isFolder($0) }
    token = request.file.flatMap { Self.read($0, until: request.token) }
    offload = request.offloads.lazy.compactMap(Self.whyNotWritable).first
    do {
      try StartCheck.processor()
      unable = try MatrixLibrary.all(kernel: nil).compactMap(\.missing).first.map {
        "\($0.what)\($0.hint.isEmpty ? "" : " (\($0.hint))")"
      }
    } catch { unable = "\(error)" }
    hasDaemon = path.split(separator: ":").contains { access("\($0)/orted", X_OK) == 0 }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// A network file system may remember for some seconds that there was no such file; listing its folder makes it look
  /// again.
  private static func read(_ file: String, until token: String) -> String? {
    var text: String?
    for _ in 0..<50 {
      _ = try? FileManager.default.contentsOfDirectory(atPath: folder(of: file))
      text = try? String(contentsOfFile: file, encoding: .utf8)
      if text == token { return text }
      usleep(100_000)
    }
    return text
  }

  private static func whyNotWritable(_ named: String) -> String? {
    let folder: String
    do { folder = try LocalFolder(named).path(at: "offload") } catch { return "\(error)" }
    guard isFolder(folder) else { return "there is no folder \(folder)" }
    return access(folder, W_OK) == 0 ? nil : "\(folder): \(String(cString: strerror(errno)))"
  }
}
