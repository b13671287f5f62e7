// Several adapters in one pass: each as in a run of its own, the same bits at every rank count, ZeRO stage and after a
// stop; what each leaves; what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct AdapterRowsTests {
    /// Two adapters with settings, rates and schedules of their own; the second has other data, in rows of other lengths.
    private static let low = "name: low, method: {rank: 3}, data: {train: text.txt}"
    private static let high =
      "name: high, method: {rank: 6, alpha: 12, targets: [q_proj, down_proj], lora_plus_ratio: 2}, "
      + "optimizer: {learning_rate: 5.0e-3, weight_decay: 0.3}, "
      + "schedule: {name: linear, warmup_steps: 2, final_ratio: 0}, "
      + "data: {train: rows.jsonl, packing: false, group_by_length: false}"
    private static let adapters = "adapters=[{\(low)}, {\(high)}]"
    /// What the second one is alone.
    private static let highAlone = [
      "method={name: lora, rank: 6, alpha: 12, targets: [q_proj, down_proj], lora_plus_ratio: 2}",
      "optimizer.learning_rate=5.0e-3", "optimizer.weight_decay=0.3",
      "schedule={name: linear, warmup_steps: 2, final_ratio: 0}", "data.train=rows.jsonl",
      "data.packing=false",
      "data.group_by_length=false",
    ]
    /// Norms are above the limit, so that they are clipped. A recipe, since settings of the command line would win over
    /// those of adapters.
    private static let recipe = """
      model: base/model
      data: {train: text.txt, sequence_length: 32, validation: 0.2}
      training: {batch_size: 8, micro_batch_size: 2, validate_every: 4, steps: 8}
      optimizer: {learning_rate: 1.0e-2, gradient_clip: 0.05}
      parallel: {threads: 1}
      checkpoint: {every: 4}
      """
    private static let settings = ["base.yaml"]

    private static func folder() throws -> Workspace {
      let folder = try MethodTests.folder()
      try folder.makeRows(count: 60)
      try folder.file("base.yaml", recipe)
      return folder
    }

    private func weights(_ path: String, in folder: Workspace) throws -> [String: [Float]] {
      let file = try Safetensors(try folder.data(path + "/adapter_model.safetensors"))
      var found: [String: [Float]] = [:]
      for member in file.header {
        let name = String(decoding: member.key, as: UTF8.self)
        guard let range = file.range(of: name) else { continue }
        let bytes = [UInt8](file.data[range])
        found[name] = bytes.withUnsafeBytes { raw in
          (0..<raw.count / 4).map { raw.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
      }
      return found
    }

    /// Expects the tensors of two adapters to differ by rounding alone.
    private func expectSame(
      _ adapter: String, _ reference: String, within tolerance: Float, in folder: Workspace
    ) throws {
      let (mine, theirs) = try (weights(adapter, in: folder), weights(reference, in: folder))
      #expect(Set(mine.keys) == Set(theirs.keys) && mine.count >= 8)
      for (name, values) in theirs {
        let own = try #require(mine[name])
        #expect(own.count == values.count)
        let gap = zip(own, values).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        let size = values.map { $0 * $0 }.reduce(0, +).squareRoot()
        #expect(gap <= tolerance * size && size > 0, "\(adapter): \(name) by \(gap / size)")
      }
      let config = "/adapter_config.json"
      #expect(try folder.text(adapter + config) == folder.text(reference + config))
    }

    @Test func eachIsWhatARunOfItsOwnLeaves() throws {
      let folder = try Self.folder()
      let run = try train(Self.settings + [Self.adapters], output: "run", in: folder)
      let alone = [
        "low": ["method={name: lora, rank: 3}", "data.train=text.txt"], "high": Self.highAlone,
      ]
      var compared = 0
      for (name, settings) in alone {
        let own = try train(Self.settings + settings, output: name, in: folder)
        try expectSame("run/model/adapters/\(name)", "\(name)/model", within: 1e-5, in: folder)
        for (mine, theirs) in [
          ("\(name)/loss", "loss"), ("\(name)/grad_norm", "grad_norm"),
          ("\(name)/learning_rate", "learning_rate"), ("validation_\(name)/loss", "validation_loss"),
        ] {
          let (found, wanted) = try (run.numbers(mine), own.numbers(theirs))
          #expect(found.count == wanted.count && found.count >= 2, "\(mine)")
          for (found, wanted) in zip(found, wanted) {
            #expect(abs(found - wanted) <= 1e-5 * abs(wanted), "\(mine): \(found) and \(wanted)")
          }
        }
        let norms = try own.numbers("grad_norm")
        #expect(norms.contains { $0 > 0.05 }, "something is clipped")
        compared += 1
      }
      #expect(compared == 2)
      // What a run of its own leaves is read like this.
      let verified = try Command.swiftdp(["checkpoint", "verify", "run/checkpoints/step-000008"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
      let several = try Command.swiftdp(
        ["train", "base.yaml", "adapter=run/model", "output=next"], in: folder)
      #expect(
        several.code != 0 && several.err.contains("name one of those in run/model/adapters"), "\(several.err)"
      )
      let measured = try ["run/model/adapters/high", "high/model"].map { adapter in
        let result = try Command.swiftdp(
          [
            "evaluate", "--model", "base/model", "--adapter", adapter, "--data", "rows.jsonl", "--json",
            "--no-packing",
          ],
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        return try #require(JSON.parse(result.out)["loss"]?.double)
      }
      #expect(abs(measured[0] - measured[1]) <= 1e-5 * measured[1])
    }

    /// Products that no processor decides give the bits of runs of their own, where nothing is clipped.
    @Test func portableArithmeticGivesTheBitsOfRunsOfTheirOwn() throws {
      let folder = try Self.folder()
      let settings =
        Self.settings + ["parallel.arithmetic=portable", "optimizer.gradient_clip=0", "data.train=text.txt"]
      _ = try train(
        settings + ["method.dropout=0.1", "adapters=[{name: a, method: {rank: 2}}, b, {name: c}]"],
        output: "run",
        in: folder)
      for (name, rank) in [("a", 2), ("c", 8)] {
        _ = try train(
          settings + ["method={name: lora, rank: \(rank), dropout: 0.1}"], output: name, in: folder)
        let file = "adapter_model.safetensors"
        let isSame =
          try folder.data("run/model/adapters/\(name)/\(file)") == folder.data("\(name)/model/\(file)")
        #expect(isSame, "\(name)")
      }
    }

    @Test func everyArrangementGivesTheSameBits() throws {
      let folder = try Self.folder()
      // One whose A stays as it begins, too.
      let adapters =
        "adapters=[{\(Self.low)}, {\(Self.high)}, {name: half, method: {rank: 2, fa: true, dropout: 0.1}, "
        + "data: {train: text.txt}}]"
      let one = try train(Self.settings + [adapters], output: "one", in: folder)
      let losses = try one.numbers("loss")
      #expect(losses.count == 8 && losses.allSatisfy(\.isFinite))
      func files(_ name: String) throws -> [Data] {
        try ["low", "high", "half"].map {
          try folder.data("\(name)/model/adapters/\($0)/adapter_model.safetensors")
        }
      }
      let left = try files("one")
      var compared = 0
      for (ranks, zero) in [(2, 0), (2, 1), (3, 2), (4, 3)] {
        let run = try train(
          Self.settings + [adapters, "parallel.zero=\(zero)"], output: "run\(compared)", ranks: ranks,
          in: folder)
        #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        let isSame = try files(run.name) == left
        #expect(isSame, "\(ranks) ranks, stage \(zero)")
        compared += 1
      }
      #expect(compared == 4)
      // What several ranks left in the middle goes on alone, by its own config.yaml.
      try folder.remove("run3/checkpoints/step-000008")
      try folder.remove("run3/model")
      let result = try Command.swiftdp(["train", "run3/config.yaml"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let isSame = try files("run3") == left
      #expect(isSame)
      let other = try Command.swiftdp(
        [
          "train", "run3/config.yaml", "adapters=[{name: low, data: {train: text.txt, sequence_length: 32}}]",
        ], in: folder)
      #expect(other.code == 64 && other.err.contains("method is"), "\(other.err)")
    }

    @Test func mistakesAreTold() throws {
      let folder = try Self.folder()
      let base = ["train", "base.yaml", "output=out"]
      let cases: [([String], [String])] = [
        (
          [
            "adapters=[{name: a, method: {name: ia3}}, {name: a, method: {dora: true, init: pissa}}, "
              + "{name: b/c, method: {rank: 0, ranks: 3}, data: {train: no.txt}, optimiser: {}}]"
          ],
          [
            "adapters[0].method: is ia3, and adapters in one pass are lora",
            "adapters[1].name: is \"a\", as that of another adapter",
            "adapters[1].method.dora: is true", "adapters[1].method.init: is pissa",
            "adapters[2].name: is \"b/c\"", "adapters[2].method.rank: is 0",
            "adapters[2].method.ranks: is not a key", "there is no file no.txt",
            "adapters[2].optimiser: is not a key",
          ]
        ),
        (
          [
            "adapters=[a, b]", "task=classification", "adapter=base/model", "optimizer.name=adafactor",
            "keep={ema: 0.9}", "training.early_stopping={patience: 1}", "schedule.name=reduce_on_plateau",
          ],
          [
            "task: is classification, which several adapters in one pass cannot learn",
            "adapter: stands beside adapters", "optimizer.name: is adafactor", "keep.ema: is for one adapter",
            "training.early_stopping: is for one adapter",
            "adapters[0].schedule.name: is reduce_on_plateau",
          ]
        ),
        (["adapters=[]"], ["adapters: is an empty list"]),
        (
          ["adapters=[{name: a, method: {targets: [q_projj]}}, b]"],
          ["adapters[0].method.targets: ", "q_proj"]
        ),
      ]
      var seen = 0
      for (settings, messages) in cases {
        let result = try Command.swiftdp(base + settings, in: folder)
        #expect(result.code == 64, "\(settings): \(result.err)")
        for message in messages { #expect(result.err.contains(message), "\(message): \(result.err)") }
        seen += 1
      }
      #expect(seen == 4)
      let steps = try Command.swiftdp(
        base + ["training.steps=null", "adapters=[a, {name: b, data: {train: rows.jsonl}}]"],
        in: folder)
      #expect(steps.code == 64 && steps.err.contains("training.epochs: make "), "\(steps.err)")
      #expect(!folder.exists("out/model"))
    }
  }
}
