// swiftdp export --quantize: folders of whole numbers as compressed-tensors packs them.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct IntegerExportTests {
    /// A folder with a trained model `run/model`, whose rows have 32 or 48 numbers.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(
        RankCountTests.text + ["model=llama", "training.steps=1", "training.validate_every=0"],
        output: "run", in: folder)
      return folder
    }

    private func export(_ arguments: [String], in folder: Workspace) throws -> CommandResult {
      try Command.swiftdp(["export", "--model", "run/model"] + arguments, in: folder)
    }

    /// A tensor's numbers: those of fp32, of whole numbers of 32 bits, or of 64.
    private func values<T>(_ name: String, of file: Safetensors, as type: T.Type) throws -> [T] {
      let bytes = [UInt8](file.data[try #require(file.range(of: name), "\(name)")])
      return bytes.withUnsafeBytes { Array($0.bindMemory(to: T.self)) }
    }

    /// A packed matrix as compressed-tensors unpacks it: scale · code, where files have codes from 0.
    private struct Unpacked {
      var values: [Float] = []
      /// Of each number.
      var scales: [Float] = []
    }

    private func unpacked(_ module: String, bits: Int, of file: Safetensors) throws -> Unpacked {
      let shape = try values(module + ".weight_shape", of: file, as: Int64.self).map { Int($0) }
      let (rows, columns) = (shape[0], shape[1])
      let words = try values(module + ".weight_packed", of: file, as: UInt32.self)
      let scales = try values(module + ".weight_scale", of: file, as: Float.self)
      let (perWord, groups) = (32 / bits, scales.count / rows)
      let mask = UInt32(1 << bits) - 1
      let wordsOfRow = words.count / rows
      var found = Unpacked()
      for place in 0..<rows * columns {
        let (row, column) = (place / columns, place % columns)
        let group = column / (columns / groups)
        let code = words[row * wordsOfRow + column / perWord] >> UInt32(bits * (column % perWord)) & mask
        let scale = scales[row * groups + group]
        found.values.append(scale * Float(Int(code) - (1 << (bits - 1))))
        found.scales.append(scale)
      }
      return found
    }

    @Test(arguments: [4, 8]) func eachNumberIsTheNearest(bits: Int) throws {
      let folder = try folder()
      let result = try export(
        ["--output", "packed", "--quantize", "int\(bits)", "--group-size", "16"], in: folder)
      #expect(
        result.code == 0 && result.out.contains("14 matrices of int\(bits), groups of 16"),
        "\(result.err)\(result.out)")
      let packed = try Safetensors(try folder.data("packed/model.safetensors"))
      let plain = try Safetensors(try folder.data("run/model/model.safetensors"))
      var seen = 0
      for layer in 0..<2 {
        for part in ["self_attn.q_proj", "self_attn.k_proj", "self_attn.o_proj", "mlp.down_proj"] {
          let module = "model.layers.\(layer).\(part)"
          let found = try unpacked(module, bits: bits, of: packed)
          let given = try values(module + ".weight", of: plain, as: Float.self)
          #expect(found.values.count == given.count)
          for (place, value) in given.enumerated() {
            let (scale, half) = (found.scales[place], 1 << (bits - 1))
            let nearest = (-half..<half).map { abs(scale * Float($0) - value) }.min() ?? .nan
            #expect(abs(found.values[place] - value) <= nearest + 1e-4 * scale, "\(module) \(place)")
          }
          #expect(packed.range(of: module + ".weight") == nil)
          seen += 1
        }
      }
      #expect(seen == 8)
      #expect(packed.range(of: "model.layers.0.mlp.down_proj.weight_zero_point") == nil)
      let config = try JSON.parse(Array(try folder.data("packed/config.json")))["quantization_config"]
      #expect(
        config?["format"]?.text == "pack-quantized" && config?["quant_method"]?.text == "compressed-tensors")
      #expect(config?["ignore"]?.elements?.compactMap(\.text) == ["lm_head"])
    }

    /// The folder is read as the numbers that it stands for: its loss is that of a folder that has these in fp32.
    @Test func aFolderIsReadAsWhatItStandsFor() throws {
      let folder = try folder()
      let result = try export(
        [
          "--output", "packed", "--quantize", "int4", "--group-size", "16", "--calibrate", "text.txt",
          "--errors",
          "errors.csv",
        ], in: folder)
      #expect(result.code == 0 && result.out.contains("rounded by GPTQ"), "\(result.err)")
      let lines = try folder.text("errors.csv").split(separator: "\n").dropFirst()
      #expect(lines.count == 14)
      for line in lines {
        let numbers = line.split(separator: ",").dropFirst().compactMap { Double($0) }
        #expect(numbers.count == 2 && numbers[1] > 0 && numbers[1] < numbers[0], "\(line)")
      }
      let packed = try Safetensors(try folder.data("packed/model.safetensors"))
      var plain = try Safetensors(try folder.data("run/model/model.safetensors"))
      let modules = packed.header.map { String(decoding: $0.key, as: UTF8.self) }
        .filter { $0.hasSuffix(".weight_packed") }.map { String($0.dropLast(".weight_packed".count)) }
      #expect(modules.count == 14)
      for module in modules {
        let values = try unpacked(module, bits: 4, of: packed).values
        let range = try #require(plain.range(of: module + ".weight"))
        plain.data.replaceSubrange(range, with: values.withUnsafeBytes { Data($0) })
      }
      try folder.copy("run/model", to: "widened")
      try folder.removeManifest(of: "widened")
      try folder.file("widened/model.safetensors", plain.file)
      func loss(_ model: String) throws -> Double {
        let found = try Command.swiftdp(
          ["evaluate", "--json", "--model", model, "--data", "text.txt"], in: folder)
        #expect(found.code == 0, "\(found.err)")
        return try #require(try JSON.parse(found.out)["loss"]?.double)
      }
      let (given, expected) = (try loss("packed"), try loss("widened"))
      #expect(abs(given - expected) <= 1e-6 * expected, "\(given) \(expected)")
      #expect(abs(given - (try loss("run/model"))) <= 0.2)
    }

    @Test func whatDoesNotFitIsRefusedByName() throws {
      let folder = try folder()
      for (arguments, expected) in [
        (["--output", "x", "--quantize", "int4"], "that groups of 128 do not fill (16, or row"),
        (["--output", "x", "--quantize", "int3"], "--output needs --quantize: int4 or int8"),
        (["--quantize", "int4"], "either --gguf or --output"),
        (
          ["--output", "x", "--quantize", "int4", "--group-size", "some"],
          "--group-size is a number from 2, or row"
        ),
        (["--output", "run", "--quantize", "int4", "--group-size", "row"], "run: exists already"),
      ] {
        let result = try export(arguments, in: folder)
        #expect(result.code == 64 && result.err.contains(expected), "\(arguments) \(result.err)")
        #expect(!folder.exists("x"))
      }
      try folder.makeGPT2(dropout: 0)
      try train(
        RankCountTests.text + ["model=gpt2", "training.steps=1", "training.validate_every=0"],
        output: "other",
        in: folder)
      let result = try Command.swiftdp(
        ["export", "--model", "other/model", "--output", "x", "--quantize", "int8", "--group-size", "row"],
        in: folder)
      #expect(result.code == 64 && result.err.contains("Conv1D"), "\(result.err)")
    }

    /// Words that are cut off, sizes that do not fit and numbers of other bits are told by their names.
    @Test func damagedFoldersAreRefused() throws {
      let folder = try folder()
      let made = try export(["--output", "packed", "--quantize", "int4", "--group-size", "16"], in: folder)
      #expect(made.code == 0, "\(made.err)")
      try folder.removeManifest(of: "packed")
      let (config, file) = (
        try folder.text("packed/config.json"), try folder.data("packed/model.safetensors")
      )
      let module = "model.layers.1.mlp.down_proj"
      func expectRefused(_ part: String, _ change: (inout Safetensors) -> Void) throws {
        var broken = try Safetensors(file)
        change(&broken)
        try folder.file("packed/model.safetensors", broken.file)
        let result = try Command.swiftdp(
          ["evaluate", "--model", "packed", "--data", "text.txt"], in: folder)
        #expect(result.code == 65 && result.err.contains(part), "\(result.err)")
      }
      try expectRefused(module) { $0.remove(module + ".weight_scale") }
      try expectRefused(module) { $0.remove(module + ".weight_shape") }
      try expectRefused(module) { $0.reshape(module + ".weight_packed", to: [16, 12]) }
      try folder.file("packed/model.safetensors", file)
      try folder.file(
        "packed/config.json", config.replacingOccurrences(of: "pack-quantized", with: "marlin-24"))
      let result = try Command.swiftdp(["evaluate", "--model", "packed", "--data", "text.txt"], in: folder)
      #expect(result.code == 65 && result.err.contains("marlin-24"), "\(result.err)")
    }
  }
}
