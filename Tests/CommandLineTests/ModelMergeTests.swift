// merge --config: whole models merged as mergekit merges them, what it refuses, and merges with an adapter.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ModelMergeTests {
    /// The models base, a and b, and a file for each case, with what mergekit 0.1.5 made of it.
    static let fixtures = Project.root + "/Tests/Fixtures/merges"

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      for name in try FileManager.default.contentsOfDirectory(atPath: Self.fixtures) {
        try FileManager.default.createSymbolicLink(
          atPath: folder.path + "/" + name, withDestinationPath: Self.fixtures + "/" + name)
      }
      return folder
    }

    private func merge(_ name: String, _ options: [String] = [], in folder: Workspace) throws -> CommandResult
    {
      try Command.swiftdp(["merge", "--config", name, "--output", "merged"] + options, in: folder)
    }

    private func floats(_ file: Safetensors, _ name: String) throws -> [Float] {
      let index = try #require(file.index(of: name), "\(name)")
      let bytes = Array(file.data)[try #require(file.range(of: name))]
      if file.header[index].value["dtype"]?.text == "BF16" {
        return stride(from: bytes.startIndex, to: bytes.endIndex, by: 2).map {
          Float(bitPattern: (UInt32(bytes[$0]) | UInt32(bytes[$0 + 1]) << 8) << 16)
        }
      }
      return bytes.withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      }
    }

    @Test(arguments: [
      ("linear", 4), ("linear_sum", 4), ("slerp", 4), ("task_arithmetic", 4), ("ties", 4),
      ("ties_rescaled", 4), ("dare_linear", 4), ("dare_ties", 4), ("passthrough", 6), ("half", 4),
    ])
    func equalsMergekit(name: String, layers: Int) throws {
      let folder = try folder()
      let result = try merge("\(name).yaml", in: folder)
      #expect(result.code == 0, "\(result.err)")
      let got = try Safetensors(try folder.data("merged/model.safetensors"))
      let want = try Safetensors(try folder.data("\(name).safetensors"))
      #expect(got.header.count == want.header.count)
      var compared = 0
      for member in want.header where !member.key.elementsEqual("__metadata__".utf8) {
        let tensor = String(decoding: member.key, as: UTF8.self)
        let (a, b) = (try floats(got, tensor), try floats(want, tensor))
        #expect(a.count == b.count)
        let worst = zip(a, b).reduce(Float(0)) {
          max($0, abs($1.0 - $1.1).isNaN ? .infinity : abs($1.0 - $1.1))
        }
        #expect(worst <= 1e-6, "\(tensor): \(worst)")
        compared += 1
      }
      #expect(compared == 3 + 9 * layers)
      let config = try JSON.parse(try folder.text("merged/config.json"))
      #expect(config["num_hidden_layers"]?.integer == layers)
      #expect(config["dtype"]?.text == (name == "half" ? "bfloat16" : "float32"))
      #expect(try folder.text("merged/mergekit_config.yml") == folder.text("\(name).yaml"))
    }

    /// Which parts DARE leaves out follows from the seed, and their share from the density.
    @Test func randomParts() throws {
      let folder = try folder()
      try folder.file(
        "dare.yaml",
        """
        merge_method: dare_linear
        base_model: base
        models: [{model: a, parameters: {weight: 1, density: 0.3}}]
        parameters: {rescale: false}
        """)
      var files: [Data] = []
      for seed in ["1", "1", "2"] {
        let result = try merge("dare.yaml", ["--seed", seed], in: folder)
        #expect(result.code == 0, "\(result.err)")
        files.append(try folder.data("merged/model.safetensors"))
        try folder.remove("merged")
      }
      #expect(files[0] == files[1] && files[0] != files[2])
      let (base, got) = (
        try Safetensors(try folder.data("base/model.safetensors")), try Safetensors(files[0])
      )
      var (kept, all) = (0, 0)
      for member in got.header where !member.key.elementsEqual("__metadata__".utf8) {
        let tensor = String(decoding: member.key, as: UTF8.self)
        for (a, b) in zip(try floats(got, tensor), try floats(base, tensor)) {
          all += 1
          if a != b { kept += 1 }
        }
      }
      // Three standard deviations of a draw with this share.
      let share = Double(kept) / Double(all)
      #expect(abs(share - 0.3) <= 3 * (0.3 * 0.7 / Double(all)).squareRoot(), "\(share)")
    }

    @Test(arguments: [
      ("merge_method: tise\nmodels: [{model: a}]", "merge_method: is \"tise\""),
      ("merge_method: ties\nmodels: [{model: a, parameters: {weight: 1}}]", "base_model: is missing"),
      ("merge_method: linear\nmodels: [{model: a}, {model: b}]", "parameters.weight: is missing"),
      ("merge_method: linear\nmodels: [{model: a, parameters: {wieght: 1}}]", "did you mean weight?"),
      ("merge_method: linear\nmodels: [{model: a, parameters: {weight: many}}]", "is no number"),
      ("merge_method: linear\nmodels: [{model: nowhere, parameters: {weight: 1}}]", "nowhere"),
      ("merge_method: slerp\nbase_model: base\nmodels: [{model: a}, {model: b}]\nparameters: {t: 0.5}", "3"),
      (
        "merge_method: linear\ntokenizer_source: union\nmodels: [{model: a, parameters: {weight: 1}}]",
        "only base"
      ),
      (
        "merge_method: linear\nmodules: {}\nmodels: [{model: a, parameters: {weight: 1}}]", "is not supported"
      ),
      ("merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [0, 9]}]}]", "has 4 layers"),
      ("merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [3, 3]}]}]", "layer_range"),
      ("merge_method: linear", "models: is missing"),
      ("[]", "is a list"),
    ])
    func mistakes(text: String, words: String) throws {
      let folder = try folder()
      try folder.file("merge.yaml", text + "\n")
      let result = try merge("merge.yaml", in: folder)
      #expect(result.code != 0)
      #expect(result.err.contains(words), "\(result.err)")
      #expect(!folder.exists("merged") && !folder.exists("merged.incomplete"))
    }
  }
}
