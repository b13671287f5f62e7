// The parameters of a model as one named line of numbers, in the order in which backward finishes them.

/// How a parameter is initialised if there is no checkpoint.
package enum Initial: Equatable, Sendable {
  case zeros
  case ones
  case normal(deviation: Double)
  /// Between -bound and bound.
  case uniform(bound: Double)
  /// The norms of the outputs of another parameter and its low-rank term.
  case outputNorms(of: String)
  /// From the singular values and vectors of another parameter, or of the error of storing it.
  case factor(of: String)
  /// Rows of another parameter, times a factor.
  case rows(of: String, [Int32], factor: Float)

  /// The parameter that it follows from; nil if it follows from none.
  package var source: String? {
    switch self {
    case .outputNorms(let name), .factor(let name), .rows(let name, _, _): name
    case .zeros, .ones, .normal, .uniform: nil
    }
  }
}

/// What a parameter is, by its name in the checkpoint.
package struct ParameterSpec: Equatable, Sendable {
  package var name: String
  package var shape: [Int]
  /// Whether weight decay applies: not to norms, biases and position tables.
  package var decays: Bool
  package var initial: Initial
  package var trains: Bool
  /// Whether only products read it; they can widen it if it is frozen.
  package var isProjection: Bool
  /// Whether the method of fine-tuning has added it to the model.
  package var isAdded: Bool
  /// Whether it belongs to the head for one task, which the folder of a base model may lack.
  package var isHead: Bool
  /// Whether it is the weight or the bias of a norm.
  package var isNorm: Bool
  /// Whether it is a table of which tokens choose rows.
  package var isLookedUp: Bool
  /// Whether it has a row for each token: such a table, or the head onto the vocabulary.
  package var hasRowsOfTokens: Bool
  /// The factor of the learning rate.
  package var rateFactor: Double
  /// A weight decay of its own, which applies whether `decays` or not.
  package var weightDecay: Double?

  package init(
    name: String, shape: [Int], decays: Bool, initial: Initial, trains: Bool = true,
    isProjection: Bool = false, isAdded: Bool = false, isHead: Bool = false, isNorm: Bool = false,
    isLookedUp: Bool = false, isOntoTokens: Bool = false, rateFactor: Double = 1, weightDecay: Double? = nil
  ) {
    self.isNorm = isNorm
    self.isLookedUp = isLookedUp
    hasRowsOfTokens = isLookedUp || isOntoTokens
    self.rateFactor = rateFactor
    self.weightDecay = weightDecay
    self.name = name
    self.shape = shape
    self.decays = decays
    self.initial = initial
    self.trains = trains
    self.isProjection = isProjection
    self.isAdded = isAdded
    self.isHead = isHead
  }

  package var count: Int { shape.reduce(1, *) }

  /// Whether an adapter's folder holds it: what is trained, and what is added and stays as it begins.
  package var isOfAdapter: Bool { trains || isAdded }
}

/// Where every parameter lies in the flat line, and how the line is cut into buckets.
///
/// Trained parameters come first, last used first: backward finishes them from the front, so that a
/// bucket of gradients can leave while later buckets are still computed. Frozen ones lie behind.
package struct ParameterLayout: Sendable {
  package struct Parameter: Sendable {
    package let spec: ParameterSpec
    package let range: Range<Int>
  }

  package struct Segment: Sendable {
    package let range: Range<Int>
    /// Indices into `buckets`.
    package let buckets: Range<Int>
  }

  /// In the order of the flat line.
  package let parameters: [Parameter]
  /// The parameters in the order in which the forward pass uses them, as indices into `parameters`.
  package let forwardOrder: [Int]
  /// Ranges of the trained part of the line; gradients are exchanged a bucket at a time.
  package let buckets: [Range<Int>]
  /// Consecutive buckets whose gradients must be contiguous: one bucket, or all buckets of a large parameter.
  package let segments: [Segment]
  /// How many numbers are trained, and how many there are in all.
  package let trainedCount: Int
  package let count: Int
  private let indices: [String: Int]
  private let bucketCount: Int

  /// The grain: parts of a bucket that are summed and owned as a whole, so that sums do not depend on who owns them.
  package static let grain = 1024

  /// - Parameters:
  ///   - specs: all parameters, in the order of their first use in the forward pass.
  ///   - bucketCount: about how many numbers a bucket holds; a larger parameter is cut.
  package init(specs: [ParameterSpec], bucketCount: Int = 1 << 20) {
    let bucketCount = max(bucketCount / Self.grain, 1) * Self.grain
    self.bucketCount = bucketCount
    var parameters: [Parameter] = []
    var indices: [String: Int] = [:]
    var start = 0
    for spec in specs.reversed().filter(\.trains) + specs.reversed().filter({ !$0.trains }) {
      precondition(indices[spec.name] == nil, "the parameter \(spec.name) is declared twice")
      indices[spec.name] = parameters.count
      parameters.append(Parameter(spec: spec, range: start..<start + spec.count))
      start += spec.count
    }
    self.parameters = parameters
    self.indices = indices
    self.forwardOrder = specs.map { indices[$0.name]! }
    self.count = start
    self.trainedCount = parameters.last(where: \.spec.trains)?.range.upperBound ?? 0

    var buckets: [Range<Int>] = []
    var segments: [Segment] = []
    var open = 0
    func close(at end: Int) {
      guard end > open else { return }
      let first = buckets.count
      segments.append(Segment(range: open..<end, buckets: first..<first))
      while open < end {
        buckets.append(open..<min(open + bucketCount, end))
        open = buckets[buckets.count - 1].upperBound
      }
      segments[segments.count - 1] = Segment(
        range: segments[segments.count - 1].range, buckets: first..<buckets.count)
    }
    for parameter in parameters where parameter.spec.trains {
      if parameter.range.upperBound - open > bucketCount { close(at: parameter.range.lowerBound) }
      if parameter.range.count > bucketCount { close(at: parameter.range.upperBound) }
    }
    close(at: trainedCount)
    self.buckets = buckets
    self.segments = segments
  }

  package func index(of name: String) -> Int? { indices[name] }

  /// The trained parameters alone, at the same places.
  package var trained: ParameterLayout {
    trainedCount == count
      ? self
      : ParameterLayout(
        specs: forwardOrder.map { parameters[$0].spec }.filter(\.trains), bucketCount: bucketCount)
  }

  /// How many numbers after the start of its segment a place of the trained line is. Grains are counted from that
  /// start, and every bucket begins at a multiple of the grain after it.
  package func phase(of place: Int) -> Int {
    var low = 0
    var high = segments.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if segments[middle].range.lowerBound <= place { low = middle } else { high = middle }
    }
    return place - segments[low].range.lowerBound
  }

  package subscript(_ name: String) -> Parameter? { indices[name].map { parameters[$0] } }

  /// The parts of the line that overlap a range, each with the parameter it belongs to, in order.
  package func pieces(of range: Range<Int>) -> [(parameter: Parameter, range: Range<Int>)] {
    guard !range.isEmpty else { return [] }
    var low = 0
    var high = parameters.count
    while low < high {
      let middle = (low + high) / 2
      if parameters[middle].range.upperBound <= range.lowerBound { low = middle + 1 } else { high = middle }
    }
    var pieces: [(parameter: Parameter, range: Range<Int>)] = []
    while low < parameters.count, parameters[low].range.lowerBound < range.upperBound {
      let piece = parameters[low].range.clamped(to: range)
      if !piece.isEmpty { pieces.append((parameters[low], piece)) }
      low += 1
    }
    return pieces
  }
}
