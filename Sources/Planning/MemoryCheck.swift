// Whether a host can hold its ranks of a run. If not, the error has the arithmetic and what to try.
import Base
import Graph
import Models
import Objectives
import Optimizers
import Sharding
import Tensors

package struct MemoryCheck {
  private let description: ModelDescription
  private let layout: ParameterLayout
  private let shape: RunShape
  private let place: Placement
  private let rank: Int

  /// - Throws: if the weights alone exceed the memory of a host, since the layout of a hostile config.json may be too
  ///   large to be made.
  package init(
    _ description: ModelDescription, folder: String, _ shape: RunShape, _ place: Placement, rank: Int = 0
  ) throws {
    try description.checkFits(folder: folder, type: shape.type, frozen: shape.frozen)
    self.description = description
    layout = description.layout
    self.shape = shape
    self.place = place
    self.rank = rank
  }

  /// The estimate for this rank.
  package var estimate: MemoryEstimate { estimate(shape) }

  private func estimate(_ shape: RunShape) -> MemoryEstimate {
    MemoryEstimate(
      ShardMap(layout: layout.trained, stage: shape.stage, rank: rank, ranks: place.ranks),
      ProgramEstimate(description, layout: layout, shape, place), shape, place)
  }

  private func hostBytes(_ shape: RunShape) -> Double {
    Double(estimate(shape).bytes) * Double(place.ranksPerHost)
  }

  /// The least recomputation with which this rank takes at most so many bytes; the most of it if none does.
  package func leastRecompute(within bytes: Double) -> Recompute {
    Recompute.allCases.first { recompute in
      var other = shape
      other.recompute = recompute
      return Double(estimate(other).bytes) <= bytes
    } ?? .layer
  }

  /// - Parameters:
  ///   - memory: the memory of this host, in bytes.
  ///   - bound: the most that each rank may take; nil for no bound.
  ///   - host: its name, if there are several.
  /// - Throws: one line if it is too small.
  package func check(folder: String, memory: Double, bound: Double? = nil, host: String? = nil) throws {
    let estimate = estimate
    let need = Double(estimate.bytes) * Double(place.ranksPerHost)
    let allowed = bound.map { $0 * Double(place.ranksPerHost) }
    let (memory, giver) =
      allowed.map { $0 < memory } == true ? (allowed!, "training.memory gives") : (memory, "it has")
    guard need > memory else { return }
    func number(_ bytes: Int) -> String { decimals(Double(bytes) / 1e9, 2) }
    let parts = estimate.parts.filter { $0.bytes > 0 }.map { "\($0.name) \(number($0.bytes))" }
    let ranks = place.ranksPerHost
    throw UserError(
      .data,
      "\(counted(ranks, "rank")) of \(host ?? "a host") \(ranks == 1 ? "needs" : "need") \(gigabytes(need)) and \(giver) "
        + "\(gigabytes(memory)): \(ranks) × (\(parts.joined(separator: " + ")) GB)",
      at: folder, hint: hint(need: need, memory: memory))
  }

  /// - Parameter folder: where activations of all ranks of this host wait.
  /// - Throws: one line if the folder cannot be written to, or has no room for them.
  package func checkDisk(_ folder: String) throws {
    try makeFolders(folder)
    let need = estimate.offloadedBytes * place.ranksPerHost
    let room = try freeBytes(inFolder: folder)
    guard need > room else { return }
    func megabytes(_ bytes: Int) -> String { "\(decimals(Double(bytes) / 1e6, 1)) MB" }
    throw UserError(
      .disk,
      "activations of \(counted(place.ranksPerHost, "rank")) take \(megabytes(need)) and it has room for \(megabytes(room))",
      at: folder,
      hint: "name a folder with more room in training.activation_offload, or set a smaller micro_batch_size")
  }

  /// Settings that need less, each alone or all together.
  private func hint(need: Double, memory: Double) -> String {
    let helpful = Self.savings.compactMap { saving -> (setting: String, bytes: Double)? in
      guard saving.setting != Self.context || canCut else { return nil }
      var other = shape
      saving.apply(&other, place)
      let bytes = hostBytes(other)
      return bytes < need * 0.995 ? (saving.setting, bytes) : nil
    }
    let sufficient = helpful.filter { $0.bytes <= memory }
    if !sufficient.isEmpty {
      return "with " + sufficient.map { "\($0.setting) \(gigabytes($0.bytes))" }.joined(separator: ", with ")
    }
    var together = shape
    for saving in Self.savings where helpful.contains(where: { $0.setting == saving.setting }) {
      saving.apply(&together, place)
    }
    let least = hostBytes(together)
    let elsewhere = place.ranksPerHost > 1 ? "fewer ranks a host, more hosts" : "more hosts"
    guard !helpful.isEmpty else { return "\(elsewhere), or a smaller model; see swiftdp plan" }
    let settings = helpful.map(\.setting).joined(separator: " ")
    return least <= memory
      ? "with \(settings) together \(gigabytes(least))"
      : "even with \(settings) \(gigabytes(least)): \(elsewhere), or a smaller model; see swiftdp plan"
  }

  /// Whether two neighbouring ranks could compute each sequence together.
  private var canCut: Bool {
    let family = type(of: description.family)
    return shape.objective is LanguageModel && family.isCausal && !family.readsSource
      && description.virtualPositions == .none && place.ranksPerHost % 2 == 0 && place.ranks % 2 == 0
  }

  private static let context = "parallel.context=2"

  private struct Saving: Sendable {
    let setting: String
    let apply: @Sendable (inout RunShape, Placement) -> Void
  }

  private static let savings = [
    Saving(setting: context) { shape, _ in if shape.context == 1 { shape.context = 2 } },
    Saving(setting: "training.micro_batch_size=1") { shape, _ in shape.batch.sequences = 1 },
    Saving(setting: "training.recompute=layer") { shape, _ in shape.recompute = .layer },
    Saving(setting: "parallel.zero=1") { shape, place in
      if shape.stage == .replicas, place.ranks > 1 { shape.stage = .optimizer }
    },
    Saving(setting: "parallel.node_shared_weights=true") { shape, _ in
      if shape.sharesWeights == false { shape.sharesWeights = true }
    },
    Saving(setting: "training.exact=true") { shape, _ in shape.exact = true },
    Saving(setting: "model_dtype=bfloat16") { shape, _ in shape.type = .bfloat16 },
    Saving(setting: "optimizer.name=adamw8bit") { shape, _ in
      if shape.rule is AdamW { shape.rule = AdamW8bit() }
      if var followed = shape.rule as? FollowedRule, followed.rule is AdamW {
        followed.rule = AdamW8bit()
        shape.rule = followed
      }
    },
  ]
}
