// What the recorded program is made of: values, operations, and the memory an operation sees.
import Kernels
import Tensors

/// A matrix of activations: [rows, columns], row-major. A handle; the program manages its memory.
package struct Value: Sendable, Hashable {
  package let id: Int
  package let rows: Int
  package let columns: Int
  package let needsGradient: Bool
  package var count: Int { rows * columns }
}

/// Which of its inputs and outputs backward reads again, so that they are kept until then.
package struct Keeps: Sendable {
  package var inputs: [Int]
  package var outputs: [Int]
  package init(inputs: [Int] = [], outputs: [Int] = []) {
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// One step of the program: a formula with its own backward.
///
/// `forward` writes every output. `backward` reads the gradients of the outputs, and writes (or adds to, as
/// the frame says) those of inputs and parameters; a target that is nil needs none.
package protocol Operation: Sendable {
  var keeps: Keeps { get }
  /// Whether its outputs cost less to compute again in backward than to keep until then.
  var isLight: Bool { get }
  /// Whether `Recompute.attention` covers this operation and what it reads.
  var isAttention: Bool { get }
  /// Whether forward reads of its parameters only the rows of the batch's tokens.
  var looksUpTokens: Bool { get }
  /// Elements of scratch memory that one run of forward or backward may use.
  func scratchCount(threads: Int) -> Int
  /// The number of operations in the matrix products of one forward pass, where a multiplication and an addition
  /// count as two.
  var productOperations: Double { get }
  /// The same for backward: twice as many if both factors have a gradient.
  var backwardOperations: Double { get }
  func forward(_ frame: Frame)
  func backward(_ frame: Frame)
}

/// An operation that computes its one output in tiles, which another operation can process further while a tile is in
/// the cache.
protocol TileMaker: Operation {
  /// - Parameter each: called with every tile that is finished, on the thread that computed it.
  func forward(_ frame: Frame, each: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void)
}

extension TileMaker {
  func forward(_ frame: Frame) { forward(frame) { _, _ in } }
}

/// An elementwise operation that can be run on one tile.
protocol TileFollower: Operation {
  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>)
}

extension Operation {
  package var isLight: Bool { false }
  package var isAttention: Bool { false }
  package var looksUpTokens: Bool { false }
  package func scratchCount(threads: Int) -> Int { 0 }
  package var productOperations: Double { 0 }
  package var backwardOperations: Double { 2 * productOperations }
}

/// Where a gradient goes: written, or added to what an earlier operation of backward left there.
package struct GradientTarget {
  package let base: UnsafeMutablePointer<Float>
  package let adding: Bool
}

/// The tokens that a model reads: B sequences of T tokens, row after row, as pointers to [B · T].
package struct TokenStream {
  package var tokens: UnsafePointer<Int32>
  package var positions: UnsafePointer<Int32>
  /// Which of two texts each token belongs to, 0 or 1; nil where a batch has no second texts.
  package var types: UnsafePointer<Int32>?
  /// The keys that each token sees as a query.
  package var keys: KeyIntervals

  package init(
    tokens: UnsafePointer<Int32>, positions: UnsafePointer<Int32>, types: UnsafePointer<Int32>? = nil,
    keys: KeyIntervals
  ) {
    self.tokens = tokens
    self.positions = positions
    self.types = types
    self.keys = keys
  }
}

extension TokenStream {
  /// The tokens from a row on.
  package func from(_ row: Int) -> TokenStream {
    TokenStream(
      tokens: tokens + row, positions: positions + row, types: types.map { $0 + row },
      keys: KeyIntervals(first: keys.first + row, end: keys.end + row))
  }
}

/// The input of one micro-batch.
package struct GraphInput {
  package var stream: TokenStream
  /// The texts that the sequences answer to, [B · S]; nil where they have none, or where a cache knows them.
  package var source: TokenStream?
  /// The keys of its source that each token sees, [B · T]; nil where there are no sources.
  package var sourceKeys: KeyIntervals?
  /// [B · T]: the next token, negative where a token has no target.
  package var targets: UnsafePointer<Int32>
  /// [B]: the number of tokens of each sequence, without padding; nil where all are full.
  package var lengths: UnsafePointer<Int32>?
  /// [B · n]: what each sample has beside its tokens, such as its label; nil where it has nothing.
  package var numbers: UnsafePointer<Float>?
  /// [B · (C + 1)]: for a loss of all samples together, the gradient of each sequence's representation, and its share
  /// of the loss; nil elsewhere.
  package var rowGradients: UnsafePointer<Float>?
  /// [B · T · n]: what each token has where answers are learned from rewards; nil elsewhere.
  package var tokenNumbers: UnsafePointer<Float>?
  /// [B, C] or [B · T, C]: what a trunk has left of the sequences, for programs of a head; nil elsewhere.
  package var features: UnsafePointer<Float>?
  /// [B · T]: what the gradient of each target is multiplied by, where adapters have losses of their own; nil elsewhere.
  package var targetFactors: UnsafePointer<Float>?
  /// What predictions of the next token are kept near; nil for nothing.
  package var soft: SoftTargets?
  /// [B]: which sample of the step each sequence is, for random draws.
  package var sampleIDs: UnsafePointer<Int32>
  /// Where the tokens of each sequence stand in it, for random draws.
  package var places = RowPlaces()
  /// Which chunk of its sequences this is, where they are cut; nil elsewhere.
  package var chunk: ContextChunk?
  /// The factor of the gradient of each unit's loss: 1 / (units of the whole step).
  package var scale: Float
  package var seed: UInt64
  package var step: Int

  package init(
    stream: TokenStream, source: TokenStream? = nil, sourceKeys: KeyIntervals? = nil,
    targets: UnsafePointer<Int32>, lengths: UnsafePointer<Int32>? = nil,
    numbers: UnsafePointer<Float>? = nil, rowGradients: UnsafePointer<Float>? = nil,
    tokenNumbers: UnsafePointer<Float>? = nil, features: UnsafePointer<Float>? = nil,
    targetFactors: UnsafePointer<Float>? = nil, soft: SoftTargets? = nil, sampleIDs: UnsafePointer<Int32>,
    scale: Float = 1, seed: UInt64 = 0,
    step: Int = 0
  ) {
    self.stream = stream
    self.source = source
    self.sourceKeys = sourceKeys
    self.targets = targets
    self.lengths = lengths
    self.numbers = numbers
    self.rowGradients = rowGradients
    self.tokenNumbers = tokenNumbers
    self.features = features
    self.targetFactors = targetFactors
    self.soft = soft
    self.sampleIDs = sampleIDs
    self.scale = scale
    self.seed = seed
    self.step = step
  }
}

extension GraphInput {
  /// What operations on the sources see.
  var ofSource: GraphInput {
    guard let source else { return self }
    var input = self
    input.stream = source
    input.lengths = nil
    return input
  }
}

/// What the last operation leaves behind.
package final class LossCell: @unchecked Sendable {
  /// The sum of the losses.
  package var sum = 0.0
  /// Other sums of the micro-batch, such as the number of rows that were predicted right. The operation that fills them
  /// has made room for them.
  package var counts: [Double] = []
  /// What the model predicts, where it is measured and the task has a use for it.
  package var outputs: [Double] = []
  /// Whether the losses of single tokens are left in training too.
  package var keepsTokens = false
  package init() {}

  func clear() {
    sum = 0
    for index in counts.indices { counts[index] = 0 }
  }
}

/// What an operation sees while it runs: its own inputs, outputs, parameters and scratch.
package struct Frame {
  package let engine: Engine
  package let input: GraphInput
  let memory: ProgramMemory
  let node: Node
  let plan: MemoryPlan
  let index: Int
  /// Scratch that this run may use freely.
  package let scratch: UnsafeMutablePointer<Float>
  let phase: Phase

  package func input(_ index: Int) -> UnsafeMutablePointer<Float> { value(node.inputs[index]) }
  package func output(_ index: Int) -> UnsafeMutablePointer<Float> { value(node.outputs[index]) }
  /// What forward kept for backward beside its outputs.
  package func kept(_ index: Int) -> UnsafeMutablePointer<Float> { value(node.auxiliaries[index]) }

  /// A parameter in fp32: in a bfloat16 model, one of one dimension.
  package func weight(_ index: Int) -> UnsafePointer<Float> {
    memory.weights.floats(of: node.parameters[index])
  }

  /// A parameter [rows, columns], as products read it.
  package func matrix(_ index: Int, rows: Int, columns: Int) -> Operand {
    memory.weights.matrix(node.parameters[index], rows: rows, columns: columns)
  }

  /// A matrix that the adaptation has added, in fp32.
  package func added(_ index: Int) -> UnsafePointer<Float> {
    memory.weights.floats(ofAdded: node.parameters[index])
  }

  /// Whether a parameter is multiplied in bfloat16.
  package func rounds(_ index: Int) -> Bool {
    memory.weights.multipliedType(of: node.parameters[index]) == .bfloat16
  }

  /// Activations in bfloat16, rounded into `room`.
  package func rounded(_ x: ConstMatrix, into room: UnsafeMutablePointer<Float>) -> Operand {
    let rounded = UnsafeMutableRawPointer(room).assumingMemoryBound(to: BFloat16.self)
    engine.narrow(x, into: rounded)
    return .bfloat16(HalfMatrix(rounded, rows: x.rows, columns: x.columns))
  }

  /// Whether an input was computed again for backward, and this operation was not: what forward changed in place is as
  /// it was before.
  func isRenewed(_ index: Int) -> Bool {
    plan.isSecond(node.inputs[index], for: node, in: phase)
      && !plan.isSecond(node.outputs[0], for: node, in: phase)
  }

  package func outputGradient(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(memory.arena + plan.gradients[node.outputs[index].id])
  }

  package func inputGradient(_ index: Int) -> GradientTarget? {
    let value = node.inputs[index]
    guard value.needsGradient else { return nil }
    return GradientTarget(
      base: memory.arena + plan.gradients[value.id], adding: plan.addsToInput[self.index][index])
  }

  package func weightGradient(_ index: Int) -> GradientTarget? {
    let parameter = node.parameters[index]
    guard let place = plan.parameterGradients[parameter] else { return nil }
    return GradientTarget(base: memory.gradients + place, adding: plan.addsToParameter[self.index][index])
  }

  private func value(_ value: Value) -> UnsafeMutablePointer<Float> {
    memory.arena + plan.place(of: value, for: node, in: phase)
  }
}
