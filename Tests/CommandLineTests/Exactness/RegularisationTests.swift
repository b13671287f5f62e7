// Regularisation and averages of weights: what PyTorch, transformers and schedulefree log with each, the same bits in every
// arrangement and after a resume, and mistakes.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct RegularisationTests {
    private static let fixtures = Project.root + "/Tests/Fixtures"
    private static let rows = fixtures + "/keep"

    private func settings(_ others: [String], validation: String = "\(rows)/general.jsonl") -> [String] {
      [
        "model=\(Self.fixtures)/preferences/policy", "data.train=\(Self.rows)/train.jsonl",
        "data.validation=\(validation)",
        "data.packing=false", "data.group_by_length=false", "data.shuffle=false", "data.sequence_length=16",
        "data.check=off", "training.batch_size=4", "training.micro_batch_size=2", "training.steps=4",
        "training.validate_every=2", "optimizer.learning_rate=1.0e-2", "optimizer.weight_decay=0",
        "optimizer.gradient_clip=1.0e9", "schedule.name=constant", "schedule.warmup_steps=0",
        "parallel.threads=1", "checkpoint.every=2",
      ] + others
    }

    /// One run, the same on other ranks and stages, and one that is stopped after its second step.
    private func expectSame(
      _ settings: [String], _ name: String, in folder: Workspace, ranks: [(Int, Int)] = [(2, 0), (3, 3)]
    ) throws -> RunOutput {
      let one = try train(settings, output: "one", in: folder)
      for (ranks, stage) in ranks {
        let run = try train(
          settings + ["parallel.zero=\(stage)"], output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(name): \(ranks) ranks")
        #expect(try run.results() == one.results(), "\(name): \(ranks) ranks")
      }
      for gone in ["checkpoints/step-000004", "model"] { try folder.remove("run2/\(gone)") }
      let resumed = try train(settings, output: "run2", ranks: 3, in: folder)
      #expect(try resumed.hash() == one.hash(), "\(name): resumed")
      #expect(
        try resumed.tensors("model") == one.tensors("model"), "\(name): the model of a run that was resumed")
      return one
    }

    @Test func equalsTheReferences() throws {
      let text = try String(contentsOfFile: Self.fixtures + "/regularisation.json", encoding: .utf8)
      let runs = try #require(try JSON.parse(text)["runs"]?.members)
      #expect(runs.count == 8)
      for member in runs {
        let name = String(decoding: member.key, as: UTF8.self)
        let folder = try Workspace()
        let own = try #require(member.value["settings"]?.elements).compactMap(\.text)
        let isOther = ["ema", "muon", "schedule_free"].contains(name)
        let one = try expectSame(
          settings(own), name, in: folder, ranks: isOther ? [(2, 0), (4, 1), (3, 3)] : [(2, 1)])
        var compared = 0
        for key in ["loss", "grad_norm", "validation_loss"] {
          let want = try #require(member.value[key]?.elements).compactMap(\.double)
          var got = try one.numbers(key)
          // Before the first step, too.
          if key == "validation_loss", got.count == 3 { got.removeFirst() }
          #expect(got.count == want.count, "\(name): \(key)")
          for (a, b) in zip(got, want) {
            #expect(abs(a - b) <= 3e-5 * max(1, abs(b)), "\(name): \(key) is \(a) and not \(b)")
            compared += 1
          }
        }
        #expect(compared == 10)
        // What is left is what was measured.
        let left = try Command.swiftdp(
          [
            "evaluate", "--model", "one/model", "--data", "\(Self.rows)/general.jsonl", "--no-packing",
            "--json",
          ],
          in: folder)
        let loss = try #require(try JSON.parse(left.out)["loss"]?.double, "\(left.err)")
        let last = try #require(member.value["validation_loss"]?.elements?.last?.double)
        let want = member.value["left_loss"]?.double ?? last
        #expect(abs(loss - want) <= 3e-5, "\(name): \(loss) is left and not \(want)")
      }
    }

    /// In halves; with an adapter; and answers that a policy draws by x.
    @Test(arguments: [
      ["model_dtype=bfloat16", "optimizer.name=schedule_free"],
      ["model_dtype=bfloat16", "optimizer.name=muon"],
      ["model_dtype=bfloat16", "keep={ema: 0.8, wise_ft: 0.5}"],
      ["method=lora", "optimizer.name=muon"], ["method=lora", "optimizer.name=schedule_free"],
      ["method=lora", "keep.ema=0.5"],
      ["training.neftune_noise_alpha=5", "optimizer.layer_decay=0.7"],
      [
        "dropout.attention=0.2",
        "keep={replay: {files: [ROWS/general.jsonl]}, gradual: {from: 0.75, to: 0.25, steps: 3}}",
      ],
    ])
    func otherArrangements(_ others: [String]) throws {
      let folder = try Workspace()
      _ = try expectSame(
        settings(others.map { $0.replacingOccurrences(of: "ROWS", with: Self.rows) }),
        others.joined(separator: " "), in: folder)
    }

    /// Noise and dropout change what is trained, and nothing of what is measured.
    @Test func noiseIsOfTrainingAlone() throws {
      let folder = try Workspace()
      let plain = try train(settings(["training.steps=1"]), output: "plain", in: folder)
      for (number, other) in ["training.neftune_noise_alpha=10", "dropout.attention=0.5"].enumerated() {
        let run = try train(settings(["training.steps=1", other]), output: "run\(number)", in: folder)
        #expect(try run.numbers("loss")[0] != plain.numbers("loss")[0], "\(other)")
        #expect(try run.hash() != plain.hash(), "\(other)")
      }
      let dropped = try JSON.parse(folder.text("run1/model/config.json"))
      #expect(dropped["attention_dropout"]?.double == 0.5)
    }

    /// The rate falls where the loss does not, and a run that goes on knows how long it has not.
    @Test func plateau() throws {
      let folder = try Workspace()
      let own = settings([
        "training.steps=8", "training.validate_every=1", "optimizer.learning_rate=0.3",
        "schedule={name: reduce_on_plateau, warmup_steps: 0, factor: 0.5, patience: 0, threshold: 0.0}",
      ])
      let one = try expectSame(
        own.filter { !$0.hasPrefix("schedule.") }, "reduce_on_plateau", in: folder)
      var (rate, best) = (0.3, Double.infinity)
      let losses = try one.numbers("validation_loss").suffix(8)
      let rates = try one.numbers("learning_rate")
      #expect(losses.count == 8 && rates.count == 8)
      for (loss, used) in zip(losses, rates) {
        #expect(abs(used - rate) <= 1e-12)
        if loss < best { best = loss } else { rate /= 2 }
      }
      #expect(rate < 0.3, "the loss fell all the time: \(losses)")
    }

    /// Of each step so many rows are replayed as the line from the first share to the last says.
    @Test func gradualReplay() throws {
      let folder = try Workspace()
      let own = settings([
        "training.steps=6", "training.batch_size=8",
        "keep={replay: {files: [\(Self.rows)/general.jsonl]}, gradual: {from: 0.9, to: 0.25, steps: 5}}",
      ])
      let one = try train(own, output: "one", in: folder)
      let tokens = try one.metrics().map { line in
        (
          line["sources"]?["replay"]?["target_tokens"]?.double ?? 0, line["target_tokens"]?.double ?? .nan
        )
      }
      let shares = tokens.map { $0.0 / $0.1 }
      #expect(shares.count == 6 && shares[0] > 0.7 && shares[5] < 0.5, "\(shares)")
    }

    @Test(arguments: [
      (["schedule.name=cosine", "optimizer.name=schedule_free"], "needs a constant rate"),
      (["optimizer.name=schedule_free", "keep.ema=0.9"], "the average of schedule_free already"),
      (["optimizer.name=muon", "optimizer.adjust_lr=most"], "optimizer.adjust_lr"),
      (["optimizer.ns_steps=3"], "is a setting of muon"),
      (["method=lora", "keep.wise_ft=0.5"], "method lora trains none of them"),
      (["method=lora", "keep.freeze_below=1"], "method lora trains others"),
      (["keep.freeze_below=2"], "is 2, and the model has 1 layer"),
      (["keep.gradual={from: 0.9, to: 0.1, steps: 5}"], "give keep.replay"),
      (["dropout.residual=0.1"], "models of type llama have no such dropout"),
      (["dropout.attention=1.5"], "dropout.attention: is 1.5"),
      (["dropout.attenton=0.1"], "did you mean dropout.attention?"),
      (["training.neftune_noise_alpha=-1"], "training.neftune_noise_alpha: is -1"),
      (["schedule.name=reduce_on_plateau", "data.validation=0"], "no loss on validation data is measured"),
      (
        ["task={name: language_model, label_smoothing: 0.1}", "keep.kl_to_base=0.1"],
        "a loss with label_smoothing"
      ),
      (["task={name: language_model, label_smoothing: 1}"], "task.label_smoothing: is 1"),
    ])
    func mistakes(_ others: [String], _ expected: String) throws {
      let folder = try Workspace()
      let result = try Command.swiftdp(["train"] + settings(others) + ["output=run"], in: folder)
      #expect(result.code == 64 && result.err.contains(expected), "\(result.err)")
    }
  }
}
