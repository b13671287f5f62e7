// A head that is trained on features: the same bits at every rank count and after a stop, and the results of training
// the head with the trunk computed in each step.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct FeatureTests {
    static let methods = [
      "method=features", "method={name: features, head: mlp, keep: disk}",
      "method={name: features, head: logistic, C: 0.5}",
    ]

    /// A BERT without dropout, and rows with labels.
    private static func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeBERT(dropout: 0)
      try folder.makeReviews()
      return folder
    }

    @Test(arguments: methods) func everyArrangementGivesTheSameBits(_ method: String) throws {
      let folder = try Self.folder()
      let settings = ClassificationTests.reviews + [method]
      let one = try train(settings, output: "one", in: folder)
      var compared = 0
      for (ranks, zero) in [(1, 1), (2, 0), (3, 2), (4, 3)] {
        let run = try train(
          settings + ["parallel.zero=\(zero)"], output: "run\(compared)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.tensors("model") == one.tensors("model"), "\(ranks) ranks, stage \(zero)")
        compared += 1
      }
      #expect(compared == 4)
      guard !method.contains("logistic") else { return }
      try folder.remove("run1/checkpoints/step-000012")
      try folder.remove("run1/model")
      #expect(try train(settings, output: "run1", ranks: 3, in: folder).hash() == one.hash())
    }

    /// What is computed once is what would be computed in each step.
    @Test func lossesAreThoseOfTheHeadAlone() throws {
      let folder = try Self.folder()
      let settings = ClassificationTests.reviews + ["training.steps=30"]
      let features = try train(
        settings + ["method={name: features, head: mlp}"], output: "features", ranks: 2, in: folder)
      let layers = try train(
        settings + ["method={name: last_layers, layers: 0}"], output: "layers", in: folder)
      for name in ["loss", "validation_loss"] {
        let (losses, others) = (try features.numbers(name), try layers.numbers(name))
        #expect(losses.count == others.count && losses.count >= 3)
        #expect(zip(losses, others).allSatisfy { abs($0 / $1 - 1) < 1e-5 }, "\(name)")
      }
    }

    /// Each token has features where words have labels, and where a decoder's head is its own.
    @Test func tokensHaveFeatures() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let config = try folder.text("llama/config.json")
      try folder.file(
        "llama/config.json",
        config.replacing("\"tie_word_embeddings\": true", with: "\"tie_word_embeddings\": false"))
      _ = try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=4",
        ], output: "base", in: folder)
      let settings = MethodTests.text + ["method=features"]
      let one = try train(settings, output: "one", in: folder)
      let layers = try train(
        MethodTests.text + ["method={train: [lm_head]}"], output: "layers", in: folder)
      let (losses, others) = (try one.numbers("loss"), try layers.numbers("loss"))
      #expect(losses.count == 8 && zip(losses, others).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
      #expect(try #require(losses.last) < losses[0])
      for ranks in [2, 3] {
        let run = try train(settings, output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
      }
    }

    /// The minimum is one: the gradient is as small as asked for, and a weaker penalty leaves a smaller loss.
    @Test func aLogisticRegressionReachesItsMinimum() throws {
      let folder = try Self.folder()
      var losses: [Double] = []
      for (number, strength) in ["0.01", "1", "100"].enumerated() {
        let run = try train(
          ClassificationTests.reviews + [
            "method={name: features, head: logistic, C: \(strength), tol: 1.0e-6, max_iter: 5000}"
          ],
          output: "run\(number)", in: folder)
        #expect(try #require(try run.numbers("grad_norm").first) <= 1e-4)
        losses += try run.numbers("loss")
      }
      #expect(losses.count == 3 && losses[0] > losses[1] && losses[1] > losses[2])
    }

    @Test(arguments: [
      (["method={name: features, head: deep}"], "linear, mlp, logistic"),
      (["method={name: features, C: 2}"], "the head is not logistic"),
      (["method=features", "training.audit=0.5"], "leave training.audit out"),
      (["method={name: features, head: logistic}", "task=regression"], "has no labels for each row"),
    ]) func mistakes(_ settings: [String], _ words: String) throws {
      let folder = try Self.folder()
      let result = try Command.swiftdp(
        ["train"] + ClassificationTests.reviews + ["output=run"] + settings, in: folder)
      #expect(result.code == 64 && result.err.contains(words), "\(result.err)")
    }

    @Test func tiedHeadsAreRefused() throws {
      let folder = try Workspace()
      try folder.makeText(characters: 2000)
      let result = try Command.swiftdp(
        ["train", "model=shipped:base", "data.train=text.txt", "method=features", "output=run"], in: folder)
      #expect(result.code == 64 && result.err.contains("is its input embedding"), "\(result.err)")
    }
  }
}
