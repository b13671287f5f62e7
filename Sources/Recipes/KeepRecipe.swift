// The section `keep` of a recipe: what a model knows, and must not forget.
import Base
import Datasets
import Kernels
import Objectives

/// Measures against forgetting, each alone or together.
package struct KeepRecipe: Sendable {
  /// Elastic weight consolidation (Kirkpatrick et al. 2017).
  package struct Elastic: Sendable {
    /// What the penalty is multiplied by.
    package var strength: Double
    /// The most sequences that the importance of weights is found on: the first ones of the files.
    package var samples: Int
    package var files: [String]
  }

  /// What is shown again beside what is learned.
  package struct Replay: Sendable {
    package var files: [String]
    /// Of the sequences of each step.
    package var share: Double
  }

  package var elastic: Elastic?
  package var replay: Replay?
  /// The weight of the squared distance to the weights that the run begins with (L2-SP, Li et al. 2018); 0 for none.
  package var distance: Double
  /// The weight of the divergence from the base's predictions; 0 for none.
  package var divergence: Double
  /// General text whose loss is measured with each validation.
  package var watched: [String]
  /// How the share of replay moves; nil where it stays.
  package var gradual: GradualReplay?
  /// Below which layer nothing is trained; 0 where all is.
  package var frozenBelow: Int
  package var average: MovingAverage?
  /// The share of the trained weights in the model that is left, beside those of the base (WiSE-FT); nil for all.
  package var finalShare: Double?

  package init(_ section: Section) {
    if section.has("ewc") {
      let ewc = section.section("ewc")
      elastic = Elastic(
        strength: ewc.number("lambda", in: 0...1e12),
        samples: ewc.integer("samples", default: 2000, in: 1...1 << 40), files: Self.files(ewc))
    }
    if section.has("replay") {
      let again = section.section("replay")
      replay = Replay(files: Self.files(again), share: again.number("share", default: 0.1, in: 1e-4...0.99))
    }
    distance = section.number("l2_sp", default: 0, in: 0...1e12)
    divergence = section.number("kl_to_base", default: 0, in: 0...1e6)
    let (files, mistakes) = DataFileNames.files(section.has("watch") ? section.filePaths("watch") : [])
    section.refuse("watch", mistakes)
    watched = files
    gradual = GradualReplay(section)
    frozenBelow = section.integer("freeze_below", default: 0, in: 0...4096)
    average = MovingAverage(section)
    if section.has("wise_ft") { finalShare = section.number("wise_ft", default: 0.5, in: 0...1) }
  }

  /// `files` of a measure.
  private static func files(_ section: Section) -> [String] {
    let (files, mistakes) = DataFileNames.files(section.filePaths("files"))
    if files.isEmpty, mistakes.isEmpty {
      section.fail(
        "files", "is missing", hint: "give a file or a list of files of what must not be forgotten")
    }
    section.refuse("files", mistakes)
    return files
  }

  /// Whether weights are held near those that the run begins with.
  package var holdsWeights: Bool { elastic != nil || distance > 0 }

  /// What decides a run's results, beside its data; nil where nothing does.
  package var settings: JSON? {
    var members: [(String, JSON)] = []
    if let elastic {
      members.append(
        ("ewc", .object(["lambda": .number(elastic.strength), "samples": .integer(elastic.samples)])))
    }
    if distance > 0 { members.append(("l2_sp", .number(distance))) }
    if divergence > 0 { members.append(("kl_to_base", .number(divergence))) }
    if frozenBelow > 0 { members.append(("freeze_below", .integer(frozenBelow))) }
    if let average { members.append(("ema", average.settings)) }
    return members.isEmpty
      ? nil : .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }
}

extension Recipe {
  /// How predictions are compared with another model's, which is the task's teacher or the base; nil for no other.
  package var softTargets: SoftTargetShape? {
    if let task = objective as? Distillation { return task.softTargets }
    return keep.divergence > 0 ? SoftTargetShape(strength: Float(keep.divergence)) : nil
  }
}

extension DataRecipe {
  /// Adds what is shown again as a source.
  /// - Parameter gradual: how its share moves in steps of so many samples.
  mutating func add(
    _ replay: KeepRecipe.Replay, gradual: GradualReplay?, batchSize: Int, _ section: Section
  ) {
    if order != .mixed {
      section.fail(
        "replay", "is given, and sources come in order \(order.rawValue)", hint: "leave data.order out")
    }
    if temperature != nil {
      section.fail("replay", "has a share, and the sources have a temperature", hint: "leave data.mixing out")
    }
    if gradual != nil, sources.contains(where: { $0.epochs != nil }) {
      section.fail("gradual", "moves with the step, and a source has epochs", hint: "leave epochs out")
    }
    let learned = sources.reduce(0) { $0 + $1.weight }
    sources.append(
      DataSource(
        files: replay.files, format: format, columns: columns,
        weight: learned * replay.share / (1 - replay.share), name: "replay", use: .replayed,
        moving: gradual.map {
          MovingShare(from: $0.from, to: $0.to, samples: $0.steps * batchSize)
        }))
  }
}
