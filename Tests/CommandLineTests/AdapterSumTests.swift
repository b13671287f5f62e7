// swiftdp merge with several adapters: what PEFT's add_weighted_adapter makes of them.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct AdapterSumTests {
    private static let fixtures = Project.root + "/Tests/Fixtures"
    private static let adapters = fixtures + "/adapter_sum"

    private func merge(_ more: [String], in folder: Workspace) throws -> CommandResult {
      try Command.swiftdp(
        ["merge", "--model", "\(Self.fixtures)/preferences/policy"] + more, in: folder)
    }

    /// B A of a module.
    private func change(_ module: String, _ output: String, _ folder: Workspace) throws -> [Double] {
      let file = try Safetensors(try folder.data("\(output)/adapter_model.safetensors"))
      func floats(_ part: String) throws -> [Float] {
        let range = try #require(file.range(of: "base_model.model.\(module).\(part).weight"))
        return [UInt8](file.data[range]).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      }
      let config = try JSON.parse(try folder.text("\(output)/adapter_config.json"))
      let rank = try #require(config["r"]?.integer)
      #expect(config["lora_alpha"]?.integer == rank)
      let (a, b) = (try floats("lora_A"), try floats("lora_B"))
      let (inputs, outputs) = (a.count / rank, b.count / rank)
      return (0..<outputs * inputs).map { index in
        (0..<rank).reduce(0.0) {
          $0 + Double(b[index / inputs * rank + $1]) * Double(a[$1 * inputs + index % inputs])
        }
      }
    }

    @Test func equalsPEFT() throws {
      let folder = try Workspace()
      let expected = try JSON.parse(
        String(contentsOfFile: Self.adapters + "/expected.json", encoding: .utf8))
      let weights = try #require(expected["weights"]?.elements).map { $0.encoded() }
      let both =
        ["--adapter", "\(Self.adapters)/a", "--adapter", "\(Self.adapters)/b"]
        + weights.flatMap { ["--weight", $0] }
      var compared = 0
      for (kind, more) in [("cat", []), ("svd", ["--rank", "2"])] {
        let result = try merge(both + more + ["--output", kind], in: folder)
        #expect(result.code == 0, "\(result.err)")
        for member in try #require(expected[kind]?.members) {
          let module = String(decoding: member.key, as: UTF8.self)
          let want = try #require(member.value.elements).compactMap(\.double)
          let got = try change(module, kind, folder)
          let size = want.reduce(0) { max($0, abs($1)) }
          #expect(
            got.count == want.count && zip(got, want).allSatisfy { abs($0 - $1) <= 2e-6 * size },
            "\(kind): \(module)")
          compared += 1
        }
      }
      #expect(compared == 4)
      // It is read as any adapter is.
      try folder.file("text.jsonl", "{\"text\": \"w3 w4 w5 w6\"}\n")
      let read = try Command.swiftdp(
        [
          "evaluate", "--model", "\(Self.fixtures)/preferences/policy", "--adapter", "cat", "--data",
          "text.jsonl", "--no-packing", "--json",
        ], in: folder)
      #expect(read.code == 0 && read.out.contains("loss"), "\(read.err)")
    }

    @Test(arguments: [
      (["--adapter", "A", "--adapter", "B", "--weight", "1"], "--weight is given 1 time"),
      (["--adapter", "A", "--rank", "2"], "are for several adapters"),
      (["--adapter", "A", "--adapter", "nowhere"], "nowhere"),
      (["--adapter", "A", "--adapter", "B", "--rank", "0"], "--rank is 0"),
    ])
    func mistakes(_ options: [String], _ expected: String) throws {
      let folder = try Workspace()
      let options = options.map { $0 == "A" ? "\(Self.adapters)/a" : $0 == "B" ? "\(Self.adapters)/b" : $0 }
      let result = try merge(options + ["--output", "sum"], in: folder)
      #expect(result.code != 0 && result.err.contains(expected), "\(result.err)")
      #expect(!folder.names(in: ".").contains("sum"))
    }
  }
}
