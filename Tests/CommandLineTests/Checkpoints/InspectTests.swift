// What the commands say about folders that are not whole checkpoints.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct InspectTests {
    private static let checkpoint = "run/checkpoints/step-000002"

    private func trained() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(
        RankCountTests.text + ["training.steps=2", "checkpoint.every=2"], output: "run", in: folder)
      return folder
    }

    @Test func tellsWhatItKnows() throws {
      let folder = try trained()
      func table(_ path: String) throws -> [String] {
        let result = try Command.swiftdp(["checkpoint", "inspect", path], in: folder)
        #expect(result.code == 0, "\(result.err)")
        return result.out.split(separator: "\n").map(String.init)
      }
      let bytes = folder.snapshot(Self.checkpoint).reduce(0) {
        $0 + ($1.key == "manifest.json" ? 0 : $1.value.count)
      }
      var lines = try table(Self.checkpoint)
      #expect(lines.contains("format      2"))
      #expect(lines.contains("manifest    format 1, 9 files, \(bytes) bytes, CRC-32C"))

      // A checkpoint that is older than manifests.
      try folder.copy(Self.checkpoint, to: "old")
      try folder.remove("old/manifest.json")
      let state = try folder.text("old/training_state.json")
      try folder.file(
        "old/training_state.json",
        state.replacingOccurrences(of: "\"format_version\": 2", with: "\"format_version\": 1"))
      lines = try table("old")
      #expect(lines.contains("format      1"))
      #expect(lines.contains("manifest    none: from before there were checksums"))

      // A model from another program.
      try folder.copy("run/model", to: "foreign")
      try folder.remove("foreign/manifest.json")
      lines = try table("foreign")
      #expect(lines.contains("manifest    none: not written by swiftdp"))
      #expect(!lines.contains { $0.hasPrefix("format") || $0.hasPrefix("step") })
      for path in ["old", "foreign"] {
        let verified = try Command.swiftdp(["checkpoint", "verify", path], in: folder)
        #expect(verified.code == 0 && verified.out.hasSuffix(", all finite, no checksums to compare\n"))
      }
    }

    @Test func whatIsNoWholeOneIsRefused() throws {
      let folder = try trained()
      try folder.copy(Self.checkpoint, to: "later")
      let state = try folder.text("later/training_state.json")
      try folder.file(
        "later/training_state.json",
        state.replacingOccurrences(of: "\"format_version\": 2", with: "\"format_version\": 3"))
      try folder.copy(Self.checkpoint, to: "partial")
      try folder.remove("partial/second_moment.safetensors")
      try folder.copy(Self.checkpoint, to: "step-000004.incomplete")
      try folder.remove("step-000004.incomplete/manifest.json")
      try folder.copy(Self.checkpoint, to: "damaged")
      try folder.file("damaged/manifest.json", folder.text("damaged/manifest.json") + " ")
      try FileManager.default.createDirectory(
        atPath: folder.path + "/empty", withIntermediateDirectories: false)
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/link", withDestinationPath: "nowhere")
      let cases = [
        ("nowhere", "there is no folder nowhere (a Hugging Face model that was downloaded)"),
        ("link", "there is no folder link (a Hugging Face model that was downloaded)"),
        ("text.txt", "text.txt is a file, where a model folder is meant"),
        ("empty", "empty: holds no model: it has no config.json"),
        ("run", "run: holds no model: it has no config.json (is run/model meant?)"),
        ("llama", "llama: holds neither model.safetensors nor model.safetensors.index.json"),
        (
          "partial",
          "partial/second_moment.safetensors: is missing, and with it 20 of the tensors in "
            + "second_moment.safetensors.index.json (download or copy it too)"
        ),
        ("step-000004.incomplete", "step-000004.incomplete/manifest.json: is missing"),
        ("damaged", "damaged/manifest.json: is damaged: it is not as swiftdp writes it"),
        (
          "later",
          "later/training_state.json: has format 3, and this swiftdp reads formats to 2 "
            + "(use the swiftdp that wrote it, or start from its weights with model: later)"
        ),
      ]
      for (path, message) in cases {
        for command in ["inspect", "verify", "hash"] {
          let result = try Command.swiftdp(["checkpoint", command, path], in: folder)
          let code = ["nowhere", "link", "text.txt"].contains(path) ? 64 : 65
          #expect(result.code == code && result.out.isEmpty, "\(command) \(path): \(result.out)")
          #expect(result.errorLines == ["swiftdp: " + message], "\(command) \(path)")
        }
      }
      #expect(cases.count == 10)
    }
  }
}
