// What the memory and time of a run depend on beside its model, and where it runs.
import Graph
import Kernels
import Models
import Objectives
import Optimizers
import Recipes
import Sharding
import Tensors

/// Weights of a reference, beside those of the policy.
package enum ReferenceWeights: Sendable {
  case none
  /// Those that are trained, as they were or as they follow.
  case trained
  /// Those of a whole model, once a host.
  case all

  fileprivate init(_ recipe: Recipe) {
    let objective = recipe.objective
    if objective is Distillation {
      self = .all
      return
    }
    if recipe.keep.divergence > 0 {
      self = recipe.method.beginsAsBase && recipe.adapter == nil ? .none : .trained
      return
    }
    self =
      switch objective.reference {
      case .none: .none
      case _ where objective.referenceModel != nil: .all
      case .precomputed: .none
      case .asked where recipe.method.beginsAsBase && recipe.adapter == nil: .none
      case .askedOfAnswers where recipe.method.beginsAsBase && recipe.adapter == nil: .none
      case .asked, .askedOfAnswers, .following: .trained
      }
  }
}

package struct RunShape: Sendable {
  /// The shape of the largest micro-batch.
  package var batch: BatchShape
  package var objective: any Objective = LanguageModel()
  package var type: ElementType
  /// What frozen matrices are kept in.
  package var frozen: FrozenForm
  /// The frozen parameters that lie in a file as bfloat16, by name.
  package var inHalves: Set<String> = []
  package var wire: ElementType
  package var rule: any UpdateRule
  package var recompute: Recompute
  package var keeping = ActivationKeeping()
  package var stage: ZeroStage
  package var sharesWeights: Bool?
  package var exact: Bool
  /// How many chunks each sequence is cut into, and whether whole ones are measured.
  package var context = 1
  package var measures = false
  /// Whether optimizer states and master weights lie on a disk.
  package var offloads: Bool
  /// The bytes of the tokenised data, which every rank holds; 0 if it has not been read.
  package var dataBytes = 0
  /// The most recorded programs that are kept.
  package var programs: Int
  /// What a model that the policy is compared with has beside it.
  package var reference = ReferenceWeights.none
  /// How many numbers are kept of each weight that a rank owns, so that weights stay near them.
  package var anchors = 0
  /// What a policy's projections are kept in beside it while answers are drawn; nil where nothing is.
  package var rollouts: FrozenStorage?
  /// The share of micro-batches that are computed a second time.
  package var audit = 0.0
  /// Texts that benchmarks read at once while the run trains; nil where it has none.
  package var evaluatedTexts: Int?

  package init(
    batch: BatchShape, type: ElementType, wire: ElementType = .float32, rule: any UpdateRule,
    recompute: Recompute, stage: ZeroStage, sharesWeights: Bool? = nil, exact: Bool = true,
    offloads: Bool = false
  ) {
    self.batch = batch
    self.type = type
    frozen = FrozenForm(type)
    self.wire = wire
    self.rule = rule
    self.recompute = recompute
    self.stage = stage
    self.sharesWeights = sharesWeights
    self.exact = exact
    self.offloads = offloads
    programs = Self.packedPrograms
  }

  /// If all rows have the same length: programs for training and for validation, each for a whole micro-batch and for
  /// the last one, and one program that only tells how much room gradients need.
  private static let packedPrograms = 5

  /// - Parameter length: the tokens of the longest row; by default those of the recipe's sequences.
  package init(_ recipe: Recipe, length: Int? = nil) {
    self.init(
      batch: BatchShape(
        sequences: recipe.microBatchSequences,
        length: length ?? (recipe.parts.map(\.recipe.data) + [recipe.data]).map(\.sequenceLength).max()!),
      type: recipe.elementType, wire: recipe.parallel.wireType, rule: recipe.rule,
      recompute: recipe.training.activations.recompute, stage: recipe.parallel.zero,
      sharesWeights: recipe.parallel.sharesWeights, exact: recipe.training.exact,
      offloads: recipe.optimizer.offload != nil)
    keeping = recipe.training.activations.keeping
    context = recipe.parallel.context
    measures = recipe.data.validation != .none
    objective = recipe.objective
    frozen = recipe.frozen
    audit = recipe.training.audit
    rollouts = (objective as? any PolicyTask)?.rollouts.storage
    if rollouts == FrozenStorage(type) { rollouts = nil }
    evaluatedTexts = recipe.training.evaluation?.batchSize
    reference = ReferenceWeights(recipe)
    if recipe.keep.holdsWeights {
      anchors = WeightAnchor.count(owned: 1, elasticity: recipe.keep.elastic?.strength ?? 0)
    }
    if !recipe.dataOptions.packing { programs = ProgramCache.limit }
  }

  /// How many chunks of a sequence a rank computes at once.
  func chunksOfRank(_ place: Placement) -> Int { context / min(context, place.ranks) }

  /// Whether the ranks of a host share one copy of the weights. If every rank updates all weights, each needs its
  /// own.
  package func sharesHostWeights(_ place: Placement) -> Bool {
    place.ranksPerHost > 1 && stage != .replicas && sharesWeights ?? true
  }
}

/// The hosts and ranks that the run uses.
package struct Placement: Sendable, Equatable {
  package var ranks: Int
  package var ranksPerHost: Int
  /// The number of threads of each rank.
  package var threads: Int
  package var hosts: Int

  /// - Parameter hosts: how many there are; by default as if all had as many ranks.
  package init(ranks: Int, ranksPerHost: Int, threads: Int, hosts: Int? = nil) {
    self.ranks = ranks
    self.ranksPerHost = ranksPerHost
    self.threads = threads
    self.hosts = hosts ?? (ranks + ranksPerHost - 1) / ranksPerHost
  }
}

/// What the program of a micro-batch needs, found by recording and planning it.
package struct ProgramEstimate: Sendable {
  /// The floats of activations and scratch, and of gradients until they are exchanged.
  package let activations: Int
  package let gradients: Int
  /// Floats of activations that wait on a disk.
  package let offloaded: Int
  /// Operations of its matrix products.
  package let productOperations: Double
  /// Numbers that its other operations read and write.
  package let touched: Double
  /// What the line of trained parameters is kept in, and bytes of the frozen ones.
  package let trainedType: ElementType
  package let frozenBytes: Int
  /// Bytes of a policy's weights in a smaller type.
  package let rolloutBytes: Int
  /// Bytes that the record itself takes.
  package let recordBytes: Int
  /// Bytes of keys and values, and of their gradients, that ranks share while they compute sequences together, and of what a
  /// rank keeps of further chunks.
  package let contextBytes: Int
  /// Bytes of keys and values, and of activations, while benchmarks are run, at most; 0 where there are none.
  package let evaluationBytes: Int

  package init(
    _ description: ModelDescription, layout: ParameterLayout, _ shape: RunShape, _ place: Placement
  ) {
    // Sequences that are longer than the model can read are refused together with the data.
    var batch = shape.batch
    batch.length = min(batch.length, description.family.maximumLength)
    if batch.rowsPerSample == 1 {
      // The data has not been read.
      batch.rowsPerSample = shape.objective.rowsPerSample
      batch.sequences *= batch.rowsPerSample
    }
    if type(of: description.family).readsSource, batch.sourceLength == 0 { batch.sourceLength = batch.length }
    trainedType = description.trainedType(shape.type)
    let plan = FrozenPlan(
      layout, shape.frozen, type: shape.type, inHalves: shape.inHalves)
    frozenBytes = plan.bytes + plan.mappedBytes
    rolloutBytes =
      shape.rollouts.map {
        FrozenPlan(
          description.adapted(by: NoFineTuning()).layout, FrozenForm(projections: $0), type: shape.type
        ).bytes
      } ?? 0
    // Of several tasks, the largest program counts.
    let described = shape.objective is SharedTrunk ? description.eachTask : [description]
    func program(_ description: ModelDescription, _ batch: BatchShape, _ purpose: Purpose) -> Program {
      let graph = Graph(
        layout: layout, type: shape.type, trainedType: description.trainedType(shape.type), shape: batch,
        purpose: purpose, adaptation: description.adaptation)
      description.prepare(graph)
      shape.objective.record(description.family.forward(graph), of: description, on: graph)
      return Program(
        graph, recompute: shape.recompute, keeping: shape.keeping, threads: place.threads,
        holds: GradientSum.holds(ranks: place.ranks))
    }
    let programs = described.map { program($0, batch.cut(into: shape.context), .training) }
    let ofChunks = programs.map(\.arenaCount).max() ?? 0
    // Where sequences are cut, they are measured as a whole.
    let measured = shape.context > 1 && shape.measures ? program(description, batch, .loss).arenaCount : 0
    activations = max(ofChunks, measured)
    gradients = programs.map(\.gradientCount).max() ?? 0
    offloaded = (programs.map(\.offloadedCount).max() ?? 0) * shape.chunksOfRank(place)
    productOperations = programs.map(\.productOperations).max() ?? 0
    touched = programs.map(\.touchedCount).max() ?? 0
    recordBytes = programs.reduce(0) { $0 + $1.recordBytes }
    contextBytes =
      shape.context == 1
      ? 0
      : Self.context(
        description, batch, shape, place,
        ofFurther: ofChunks + (programs.map(\.gradientCount).max() ?? 0) + layout.trainedCount)
    evaluationBytes =
      shape.evaluatedTexts.map { Self.evaluation(description, layout, shape, place, texts: $0) } ?? 0
  }
}

extension ProgramEstimate {
  /// Tokens that benchmarks read at once, and bytes of keys and values that they keep, at most (Evaluation's LikelihoodScorer).
  private static let mostRead = 4096
  private static let cacheBytes = 512 << 20

  /// - Parameter further: floats of each chunk of a rank but the first.
  private static func context(
    _ description: ModelDescription, _ batch: BatchShape, _ shape: RunShape, _ place: Placement,
    ofFurther further: Int
  ) -> Int {
    let pieces = ContextPieces(length: batch.length, chunks: shape.context)
    let room = batch.sequences * pieces.length * description.keyColumns
    let own = shape.chunksOfRank(place)
    return (room * own + room / min(shape.context, place.ranks) + further * (own - 1))
      * MemoryLayout<Float>.size
  }

  private static func evaluation(
    _ description: ModelDescription, _ layout: ParameterLayout, _ shape: RunShape, _ place: Placement,
    texts: Int
  ) -> Int {
    let float = MemoryLayout<Float>.size
    let longest = max(description.longestText, 1)
    let ofToken = Graph.attentions { _ = description.family.forward($0) }.reduce(0) {
      $0 + 2 * $1.keyHeads * $1.headWidth * float
    }
    let length = min(longest, mostRead)
    let graph = Graph(
      layout: layout, type: shape.type, trainedType: description.trainedType(shape.type),
      shape: BatchShape(sequences: mostRead / length, length: length), purpose: .loss,
      adaptation: description.adaptation)
    LanguageModel().record(description.family.forward(graph), of: description, on: graph)
    let program = Program(graph, threads: place.threads)
    return min((2 * texts + 1) * longest * ofToken, cacheBytes) + program.arenaCount * float
  }
}
