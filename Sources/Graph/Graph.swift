// The recorder: a model family calls it in the order of its forward pass, and the record becomes the program.
import Kernels
import Tensors

/// What a program is for.
package enum Purpose: Sendable, Equatable {
  /// Loss and gradients.
  case training
  /// The loss alone, without dropout.
  case loss
  /// What forward gives in training, with its dropout, up to a loss of all samples together.
  case rehearsal
  /// The logits of every token.
  case logits
  /// The logits of the last token of each sequence, with the keys and values of earlier ones in a cache. A sequence's
  /// results do not depend on the others of the batch.
  case decoding(KeyValueCache)
  /// With the same cache, how likely the target of each token is; see `TokenScores`.
  case scoring(KeyValueCache)
}

/// The sizes of one micro-batch: B sequences of T tokens, each with a source of S tokens, for models that read two
/// texts.
package struct BatchShape: Sendable, Hashable {
  package var sequences: Int
  package var length: Int
  /// 0 where sequences have no sources.
  package var sourceLength: Int
  /// How many neighbouring sequences make one sample.
  package var rowsPerSample: Int
  /// How many neighbouring sequences each of several adapters has; empty where there is one, or for even shares.
  package var groups: [Int]
  /// Into how many chunks each sequence is cut, of which this is one: `length` is that of the chunk.
  package var chunks: Int
  package init(
    sequences: Int, length: Int, sourceLength: Int = 0, rowsPerSample: Int = 1, groups: [Int] = [],
    chunks: Int = 1
  ) {
    self.sequences = sequences
    self.length = length
    self.sourceLength = sourceLength
    self.rowsPerSample = rowsPerSample
    self.groups = groups
    self.chunks = chunks
  }
  package var rows: Int { sequences * length }
}

/// What was recorded.
struct Record: Sendable {
  var nodes: [Node] = []
  var values: [Value] = []
  var layout: ParameterLayout
  /// Whether trained parameters may take no part in the loss: those of other heads.
  var hasOtherHeads = false
}

/// Records operations on values. The model's parameters are declared by their first use.
package final class Graph {
  /// While a source is recorded, that of the sources.
  package private(set) var shape: BatchShape
  package let purpose: Purpose
  /// Whether dropout is active, if the model's config has it and something is trained.
  package let dropsOut: Bool
  /// The type that matrices are multiplied in, and the type of the line of trained parameters.
  package let type: ElementType
  package let trainedType: ElementType
  package let adaptation: any Adaptation
  /// Keys and values of earlier tokens, while decoding. A source is read at once, and needs none.
  var cache: KeyValueCache? {
    switch purpose {
    case .decoding(let cache), .scoring(let cache): isOfSource ? nil : cache
    default: nil
    }
  }
  /// Whether what is recorded works on the sources.
  private var isOfSource = false
  package let loss = LossCell()
  /// What predictions of the next token are kept near while a model is trained; set it before the head is recorded.
  package var soft: SoftTargetShape?
  /// How much targets of the next token are smoothed while a model is trained; set it before the head is recorded.
  package var smoothing: Float = 0
  /// α of the noise on embeddings while a model is trained (NEFTune); set it before they are recorded.
  package var noise: Float = 0
  private(set) var record: Record
  /// Whether the trunk has other heads than the one that is recorded, whose gradients are zeros.
  package var hasOtherHeads: Bool {
    get { record.hasOtherHeads }
    set { record.hasOtherHeads = newValue }
  }
  private var declared: [ParameterSpec] = []
  private var declaredNames: Set<String> = []
  private var parts: [LayerPart] = []
  let declaring: Bool
  /// What the names of a head's own parameters begin with, where several heads stand on one trunk.
  package var headPrefix = ""
  /// While declaring, the parameters of heads.
  private var headNames: Set<String> = []
  private var layer: Int?
  private var layers = 0
  private var isInHead = false
  /// The attentions to the text's own tokens so far.
  private(set) var attentions: [AttentionForm] = []
  /// The prompt that stands before the keys and values of all attentions.
  private(set) var promptVectors: Value?
  /// Sees what layers change; nil for nobody. Set it before they are recorded.
  package var layerTap: LayerTap? {
    get { watch?.tap }
    set { watch = newValue.map { LayerWatch(tap: $0) } }
  }
  var watch: LayerWatch?
  /// Sees what projections read; nil for nobody. Set it before they are recorded.
  package var tap: InputTap?
  /// Numbers the operations that draw random numbers.
  private var sites = 0

  /// - Parameter type: the type of the weights that the program will run on. It has no default, since it decides how
  ///   much scratch operations need.
  package init(
    layout: ParameterLayout, type: ElementType, trainedType: ElementType? = nil, shape: BatchShape,
    purpose: Purpose, dropout: Bool = true,
    adaptation: any Adaptation = FullFineTuning()
  ) {
    self.type = type
    self.trainedType = trainedType ?? type
    self.adaptation = adaptation
    dropsOut = dropout && (purpose == .training || purpose == .rehearsal)
    self.shape = shape
    self.purpose = purpose
    record = Record(layout: layout)
    declaring = false
  }

  private init(declaring adaptation: any Adaptation) {
    self.adaptation = adaptation
    trainedType = .float32
    shape = BatchShape(sequences: 1, length: 1, sourceLength: 1)
    purpose = .loss
    dropsOut = false
    type = .float32
    record = Record(layout: ParameterLayout(specs: []))
    declaring = true
  }

  /// The parameters of a forward pass, in the order of their first use.
  package static func parameters(
    _ adaptation: any Adaptation = FullFineTuning(), of forward: (Graph) -> Void
  ) -> [ParameterSpec] {
    let graph = Graph(declaring: adaptation)
    forward(graph)
    return graph.declared
  }

  /// The parts of the layers of a forward pass, in its order.
  package static func parts(of forward: (Graph) -> Void) -> [LayerPart] {
    let graph = Graph(declaring: FullFineTuning())
    forward(graph)
    return graph.parts
  }

  /// Notes a part of the layer that is being recorded, and gives it the layer's number.
  func note(_ part: LayerPart) -> LayerPart {
    var part = part
    part.layer = layer ?? layers
    if declaring { parts.append(part) }
    return part
  }

  /// The attentions of a forward pass to the text's own tokens, in their order.
  package static func attentions(of forward: (Graph) -> Void) -> [AttentionForm] {
    let graph = Graph(declaring: FullFineTuning())
    forward(graph)
    return graph.attentions
  }

  /// The operations of one layer: the unit that is computed again instead of stored.
  package func layer(_ body: () -> Void) {
    precondition(layer == nil, "layers do not nest")
    layer = layers
    layers += 1
    body()
    layer = nil
  }

  /// What a model computes of the sources: its operations see their tokens and [B · S] rows.
  /// - Returns: nil if this run reads no sources, as later ones of decoding do, which find what they need of them in the
  ///   cache.
  package func source<T>(_ body: () -> T) -> T? {
    precondition(!isOfSource, "sources have no sources")
    let own = shape
    guard own.sourceLength > 0 else {
      precondition(cache != nil, "the batch has no sources")
      return nil
    }
    isOfSource = true
    shape = BatchShape(
      sequences: own.sequences, length: own.sourceLength, rowsPerSample: own.rowsPerSample,
      groups: own.groups)
    defer { (isOfSource, shape) = (false, own) }
    return body()
  }

  /// The parameters of a head: what stands on a model for one task, and may be absent where a model was not trained
  /// for that task.
  package func head<T>(_ body: () -> T) -> T {
    precondition(!isInHead, "heads do not nest")
    isInHead = true
    defer { isInHead = false }
    return body()
  }

  /// Puts the prompt before the tokens, if there is one.
  /// - Parameters:
  ///   - x: what the tokens' embeddings are, rows of a table.
  ///   - factor: what they are multiplied by.
  func prompted(_ x: Value, table: String, factor: Float) -> Value {
    guard let prompt = adaptation.prompt, !isOfSource else { return x }
    switch prompt.place {
    case .embeddings:
      let initial: Initial =
        switch prompt.start {
        case .random: .normal(deviation: 1)
        case .tokens(let tokens): .rows(of: table, tokens, factor: factor)
        }
      return virtualTokens(x, vectors(of: prompt, columns: x.columns, initial: initial))
    case .keysAndValues(let layers, let columns):
      promptVectors = vectors(of: prompt, columns: layers * 2 * columns)
      return x
    }
  }

  /// The part of the prompt that belongs to the next attention.
  /// - Parameter input: which input of the attention it will be.
  func prefix(_ form: AttentionForm, input: Int) -> Attention.Prefix? {
    defer { attentions.append(form) }
    guard let promptVectors else { return nil }
    let columns = 2 * form.keyHeads * form.headWidth
    let start = attentions.count * columns
    precondition(start + columns <= promptVectors.columns, "the prompt is of another model")
    return Attention.Prefix(
      count: promptVectors.rows, input: input, columns: promptVectors.columns, start: start)
  }

  /// The index of a parameter; while declaring, it is added at its first mention.
  func parameter(
    _ name: String, _ shape: [Int], decays: Bool, initial: Initial, isProjection: Bool = false,
    isNorm: Bool = false, isLookedUp: Bool = false, isOntoTokens: Bool = false
  ) -> Int {
    let name = ownName(name)
    return parameter(
      ParameterSpec(
        name: name, shape: shape, decays: decays, initial: initial, trains: adaptation.trains(name),
        isProjection: isProjection, isHead: isInHead, isNorm: isNorm,
        isLookedUp: isLookedUp, isOntoTokens: isOntoTokens, rateFactor: rateFactor(name, shape)))
  }

  /// The name of a parameter that a head mentions: its own, or one of the trunk.
  private func ownName(_ name: String) -> String {
    guard isInHead, !headPrefix.isEmpty else { return name }
    let own = headPrefix + name
    let isOfTrunk =
      declaring
      ? declaredNames.contains(name) && !headNames.contains(name) : record.layout.index(of: own) == nil
    return isOfTrunk ? name : own
  }

  /// The same for a parameter that the adaptation adds.
  func addedParameter(
    _ name: String, _ shape: [Int], decays: Bool = true, initial: Initial, trains: Bool = true
  ) -> Int {
    parameter(
      ParameterSpec(
        name: name, shape: shape, decays: decays, initial: initial, trains: trains, isAdded: true,
        rateFactor: rateFactor(name, shape)))
  }

  private func rateFactor(_ name: String, _ shape: [Int]) -> Double {
    adaptation.rateFactor(of: name, isVector: shape.count < 2)
  }

  private func parameter(_ spec: ParameterSpec) -> Int {
    let (name, shape) = (spec.name, spec.shape)
    if declaring {
      guard declaredNames.insert(name).inserted else { return 0 }
      declared.append(spec)
      if isInHead { headNames.insert(name) }
      return 0
    }
    guard let index = record.layout.index(of: name) else {
      preconditionFailure("the parameter \(name) was not declared")
    }
    precondition(record.layout.parameters[index].spec.shape == shape, "\(name) changed its shape")
    return index
  }

  func trains(_ parameter: Int) -> Bool {
    !declaring && purpose == .training && record.layout.parameters[parameter].spec.trains
  }

  /// The type that a matrix is multiplied in.
  func matrixType(of parameter: Int) -> ElementType {
    !declaring && record.layout.parameters[parameter].spec.trains ? trainedType : type
  }

  func nextSite() -> Int {
    sites += 1
    return sites
  }

  func value(rows: Int, columns: Int, needsGradient: Bool) -> Value {
    let value = Value(id: record.values.count, rows: rows, columns: columns, needsGradient: needsGradient)
    record.values.append(value)
    return value
  }

  /// Records an operation with one output; it needs a gradient if anything it depends on does.
  func append(
    _ operation: any Operation, inputs: [Value] = [], parameters: [Int] = [], columns: Int,
    rows: Int? = nil, keeping auxiliaries: [(rows: Int, columns: Int)] = []
  ) -> Value {
    let needs = inputs.contains(where: \.needsGradient) || parameters.contains(where: trains)
    let output = value(rows: rows ?? shape.rows, columns: columns, needsGradient: needs)
    let kept = auxiliaries.map { value(rows: $0.rows, columns: $0.columns, needsGradient: false) }
    guard !declaring else { return output }
    record.nodes.append(
      Node(
        operation: operation, inputs: inputs, outputs: [output], auxiliaries: kept, parameters: parameters,
        layer: layer, isOfSource: isOfSource))
    return output
  }
}
