// What AdapterHub's `adapters` calls a BnConfig: where bottlenecks stand and what they compute. Names, defaults and their
// meaning are its own.
import Base
import Graph

package struct BottleneckForm: Sendable {
  /// The names of whole configurations, old and new.
  static let names: [(form: BottleneckForm, names: [String])] = [
    (pfeiffer, ["pfeiffer", "seq_bn"]), (houlsby, ["houlsby", "double_seq_bn"]),
    (parallel, ["parallel", "par_bn"]),
  ]

  static let pfeiffer = BottleneckForm(originalNormBefore: true)
  static let houlsby = BottleneckForm(behindAttention: true, activation: "swish")
  static let parallel = BottleneckForm(
    isParallel: true, reduction: .same(2), start: .mam, scaling: 4)

  /// How W1 and W2 begin.
  enum Start: String, CaseIterable {
    /// Normals with the deviation 0.02.
    case bert
    /// W1 within ±1/√width, and W2 = 0.
    case mam = "mam_adapter"
  }

  /// The quotient of the width of a layer and that of its bottlenecks.
  enum Reduction: Sendable {
    case same(Double)
    /// By the number of the layer, and for all others.
    case byLayer([Int: Double], others: Double?)

    func factor(ofLayer layer: Int) -> Double? {
      switch self {
      case .same(let factor): factor
      case .byLayer(let factors, let others): factors[layer] ?? others
      }
    }
  }

  /// The residual connection around a bottleneck.
  enum Residual: Sendable {
    case output
    case sum
    case input
  }

  var behindAttention = false
  var behindFeedForward = true
  var behindSourceAttention = false
  var originalNormBefore = false
  var originalNormAfter = true
  var residual = Residual.output
  var isParallel = false
  var reduction = Reduction.same(16)
  var activation = "relu"
  var start = Start.bert
  var scaling = 1.0
  var dropout = 0.0
  /// Numbers of layers without bottlenecks.
  var leaveOut: [Int] = []

  func has(_ part: LayerPart) -> Bool {
    guard !leaveOut.contains(part.layer) else { return false }
    return switch part.kind {
    case .attention: behindAttention
    case .sourceAttention: behindSourceAttention
    case .feedForward: behindFeedForward
    }
  }

  /// Numbers that a bottleneck has at most.
  private static let widest = 1 << 20

  /// The width of the bottleneck at a part, as Python's `int(width // factor)`.
  /// - Throws: where there is no factor for the layer, or it is larger than the width.
  private func columns(at part: LayerPart, named place: String) throws -> Int {
    guard let factor = reduction.factor(ofLayer: part.layer) else {
      throw UserError(
        .usage, "has no number for layer \(part.layer)", at: place, hint: "give a default beside the layers")
    }
    let width = Double(part.width)
    let columns = ((width - width.truncatingRemainder(dividingBy: factor)) / factor).rounded()
    guard columns >= 1, columns <= Double(Self.widest) else {
      throw UserError(
        .usage, "is \(Self.json(factor).encoded()), and the layers are \(part.width) numbers wide", at: place)
    }
    return Int(columns)
  }

  func bottleneck(at part: LayerPart, named place: String) throws -> Bottleneck {
    guard let activation = Activation(name: activation) else { preconditionFailure("checked when read") }
    var bottleneck = Bottleneck(columns: try columns(at: part, named: place), activation: activation)
    bottleneck.isParallel = isParallel
    bottleneck.readsSum = originalNormBefore
    bottleneck.bypass =
      switch residual {
      case .output: .output
      case .sum: originalNormBefore ? .sum : .output
      case .input: .input
      }
    bottleneck.endsWithSum = originalNormAfter
    bottleneck.scale = scaling
    bottleneck.dropout = dropout
    if start == .mam {
      bottleneck.down = .uniform(bound: 1 / Double(part.width).squareRoot())
      bottleneck.up = .zeros
    }
    return bottleneck
  }
}

// As a recipe or adapter_config.json says it: the keys are the same.
extension BottleneckForm {
  /// Keys of the package whose other values are not built in, with the one that is.
  private static let fixed: [(key: String, value: JSON)] = [
    ("ln_before", .bool(false)), ("ln_after", .bool(false)), ("use_gating", .bool(false)),
    ("phm_layer", .bool(false)), ("inv_adapter", .null), ("stochastic_depth", .number(0)),
  ]

  /// - Parameter base: what holds where the settings say nothing.
  init(_ base: BottleneckForm, _ settings: Section) {
    self = base
    behindAttention = settings.bool("mh_adapter", default: base.behindAttention)
    behindFeedForward = settings.bool("output_adapter", default: base.behindFeedForward)
    behindSourceAttention = settings.bool("cross_adapter", default: base.behindSourceAttention)
    originalNormBefore = settings.bool("original_ln_before", default: base.originalNormBefore)
    originalNormAfter = settings.bool("original_ln_after", default: base.originalNormAfter)
    isParallel = settings.bool("is_parallel", default: base.isParallel)
    readResidual(settings)
    readReduction(settings)
    activation = settings.text("non_linearity", default: base.activation).lowercased()
    if !activation.isEmpty, Activation(name: activation) == nil {
      settings.fail(
        "non_linearity", "is \(activation.quoted), which is not built in",
        hint: "there are relu, gelu, gelu_new, silu (swish) and tanh")
      activation = base.activation
    }
    start = settings.choice("init_weights", default: base.start)
    if let text = settings.raw("scaling")?.text {
      settings.fail("scaling", "is \(text.quoted), and numbers are supported")
    } else {
      scaling = settings.number("scaling", default: base.scaling, in: -1e6...1e6)
    }
    dropout = settings.number("dropout", default: base.dropout, in: 0...0.99)
    if let given = settings.raw("leave_out") {
      settings.record("leave_out", given)
      leaveOut = given.elements?.compactMap(\.integer) ?? []
      if leaveOut.count != given.elements?.count {
        settings.fail(
          "leave_out", "is \(given.encoded().printable(40)), where a list of layers' numbers is meant")
      }
    }
    let losesInput = !originalNormAfter && (isParallel || !originalNormBefore || residual == .output)
    if losesInput {
      settings.fail(
        "original_ln_after", "is false, and nothing of what a layer reads is left",
        hint: "set original_ln_before: true and residual_before_ln: false")
    }
  }

  private mutating func readResidual(_ settings: Section) {
    guard let given = settings.raw("residual_before_ln") else { return }
    settings.record("residual_before_ln", given)
    switch (given.bool, given.text) {
    case (true, _): residual = .output
    case (false, _): residual = .input
    case (nil, "post_add"): residual = .sum
    default:
      settings.fail(
        "residual_before_ln",
        "is \(given.encoded().printable(40)), but must be true, false or \"post_add\"")
    }
  }

  private mutating func readReduction(_ settings: Section) {
    let key = "reduction_factor"
    func factor(_ value: JSON) -> Double? { value.double.flatMap { $0 > 0 && $0.isFinite ? $0 : nil } }
    guard let given = settings.raw(key) else { return }
    settings.record(key, given)
    if let members = given.members {
      var factors: [Int: Double] = [:]
      var others: Double?
      for member in members {
        let name = String(decoding: member.key, as: UTF8.self)
        guard let factor = factor(member.value), name == "default" || Int(name) != nil else {
          settings.fail(
            key, "has \(name.quoted): \(member.value.encoded().printable(40))",
            hint: "such as {0: 8, default: 16}")
          continue
        }
        if let layer = Int(name) { factors[layer] = factor } else { others = factor }
      }
      reduction = .byLayer(factors, others: others)
    } else if let factor = factor(given) {
      reduction = .same(factor)
    } else {
      settings.fail(key, "is \(given.encoded().printable(40)), but must be a number above 0")
    }
  }

  /// The form of an adapter_config.json.
  /// - Parameter config: its `config`.
  init(config: Section) {
    for (key, value) in Self.fixed {
      let given = config.raw(key) ?? .null
      let isFixed = given.isNull || given == value || given.double == 0 && value.double == 0
      if !isFixed {
        config.fail(key, "is \(given.encoded().printable(40)), which is not supported")
      }
    }
    self.init(BottleneckForm(), config)
  }

  private static let residuals: [(Residual, JSON)] = [
    (.output, .bool(true)), (.sum, .string("post_add")), (.input, .bool(false)),
  ]

  /// A whole number as Python writes whole numbers.
  private static func json(_ factor: Double) -> JSON {
    Int(exactly: factor).map { .integer($0) } ?? .number(factor)
  }

  private var reductionJSON: JSON {
    switch reduction {
    case .same(let factor): Self.json(factor)
    case .byLayer(let factors, let others):
      .object(
        members: factors.sorted { $0.key < $1.key }.map { ("\($0.key)", Self.json($0.value)) }
          + (others.map { [("default", Self.json($0))] } ?? []))
    }
  }

  /// What decides what it computes, with the names and types of `adapters`.
  var settings: [(String, JSON)] {
    [
      ("cross_adapter", .bool(behindSourceAttention)), ("dropout", .number(dropout)),
      ("init_weights", .string(start.rawValue)), ("is_parallel", .bool(isParallel)),
      ("leave_out", .array(leaveOut.map { .integer($0) })), ("mh_adapter", .bool(behindAttention)),
      ("non_linearity", .string(activation)), ("original_ln_after", .bool(originalNormAfter)),
      ("original_ln_before", .bool(originalNormBefore)), ("output_adapter", .bool(behindFeedForward)),
      ("reduction_factor", reductionJSON),
      ("residual_before_ln", Self.residuals.first { $0.0 == residual }?.1 ?? .bool(true)),
      ("scaling", .number(scaling)),
    ]
  }

  /// `config` of adapter_config.json.
  var config: JSON { .object(members: settings + Self.fixed.map { ($0.key, $0.value) }) }
}
