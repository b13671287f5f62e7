// AdaLoRA (Zhang et al. 2023): low-rank terms scale · B E A whose singular values E are pruned while they are trained, so
// that ranks go where they matter. Formulas, settings, their defaults and files are those of PEFT's AdaLoraConfig.
import Base
import Graph

package struct AdaLoRA: Method {
  package static let name = "adalora"
  static let peftType = "ADALORA"
  package var beginsAsBase: Bool { true }

  /// Targets, alpha, dropout and what else LoRA has too.
  var lora = LoRA()
  /// The rank of every term at first, and their mean at the end.
  package var initialRank = 12
  package var targetRank = 8
  /// The steps before ranks are taken away, and behind that.
  package var firstSteps = 0
  package var lastSteps = 0
  /// Ranks are allocated anew every so many steps.
  package var interval = 1
  /// How slowly the importance of a number, and its uncertainty, follow the gradient.
  package var beta1 = 0.85
  package var beta2 = 0.85
  /// What the distance of A Aᵀ and Bᵀ B from the identity counts in the loss.
  package var orthogonalWeight = 0.5
  /// The steps of the run; nil before they are known.
  package private(set) var totalSteps: Int?
  /// Which of its first singular values an adapter that was read still has, by module.
  private var kept: [String: [Bool]] = [:]

  /// How many terms of an adapter that was read have no rank left.
  package var lostTerms: Int { kept.values.count { !$0.contains(true) } }

  package init() {}

  package init(_ settings: Section) {
    let ranks = 1...4096
    targetRank = settings.integer("target_r", default: 8, in: ranks)
    initialRank = settings.integer("init_r", default: 12, in: ranks)
    firstSteps = settings.integer("tinit", default: 0, in: 0...1 << 40)
    lastSteps = settings.integer("tfinal", default: 0, in: 0...1 << 40)
    interval = settings.integer("deltaT", default: 1, in: 1...1 << 40)
    beta1 = settings.number("beta1", default: 0.85, in: 1e-9...0.9999999)
    beta2 = settings.number("beta2", default: 0.85, in: 1e-9...0.9999999)
    orthogonalWeight = settings.number("orth_reg_weight", default: 0.5, in: 0...1e6)
    if settings.has("total_step") { totalSteps = settings.integer("total_step", in: 1...1 << 40) }
    lora.readCommon(settings)
    if targetRank > initialRank {
      settings.fail("target_r", "is \(targetRank), and init_r, from which ranks are taken, is \(initialRank)")
    }
  }

  package var settings: JSON {
    .object(
      members: [
        ("name", .string(Self.name)), ("target_r", .integer(targetRank)), ("init_r", .integer(initialRank)),
        ("tinit", .integer(firstSteps)), ("tfinal", .integer(lastSteps)), ("deltaT", .integer(interval)),
        ("beta1", .number(beta1)), ("beta2", .number(beta2)), ("orth_reg_weight", .number(orthogonalWeight)),
      ] + lora.common + lora.layerSettings)
  }

  package func settled(steps: Int) throws -> any Method {
    let problems = Problems()
    if let given = totalSteps, given != steps {
      problems.add(
        .usage, "is \(given), and the run has \(counted(steps, "step"))", at: "method.total_step",
        hint: "leave it out")
    } else if firstSteps >= steps - lastSteps {
      problems.add(
        .usage,
        "is \(firstSteps), which with tfinal \(lastSteps) leaves none of \(counted(steps, "step")) to allocate ranks in",
        at: "method.tinit", hint: "set tinit + tfinal below \(steps)")
    }
    try problems.throwIfAny()
    var settled = self
    settled.totalSteps = steps
    return settled
  }

  package func trained(as given: any Method) -> any Method {
    var trained = given as? AdaLoRA ?? self
    trained.lora = lora
    trained.initialRank = initialRank
    trained.kept = kept
    if !(given is AdaLoRA) { trained.totalSteps = nil }
    return trained
  }

  package func partsHead(of model: AdaptedModel) -> Bool { lora.partsHead(of: model) }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let (targets, saved) = try lora.modules(of: model)
    let alpha = lora.alpha > 0 ? lora.alpha : Double(initialRank)
    let terms = targets.compactMap { module -> (String, LowRank)? in
      let rank = kept[module].map { $0.filter { $0 }.count } ?? initialRank
      guard rank > 0 else { return nil }
      let scale = alpha / (Double(initialRank) + 1e-5)
      return (module, LowRank(rank: rank, scale: Float(scale), dropout: lora.dropout, hasValues: true))
    }
    return LoRA.Terms(
      terms: Dictionary(terms) { first, _ in first }, rateOfB: 1, trained: model.parameters(of: saved))
  }
}

/// Its files.
extension AdaLoRA {
  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    let own: [(String, JSON)] = [
      ("peft_type", .string(Self.peftType)), ("r", .integer(8)), ("init_lora_weights", .bool(true)),
      ("target_r", .integer(targetRank)), ("init_r", .integer(initialRank)), ("tinit", .integer(firstSteps)),
      ("tfinal", .integer(lastSteps)), ("deltaT", .integer(interval)), ("beta1", .number(beta1)),
      ("beta2", .number(beta2)), ("orth_reg_weight", .number(orthogonalWeight)),
      ("total_step", .integer(totalSteps ?? firstSteps + lastSteps + 1)),
      ("rank_pattern", kept.isEmpty ? .null : pattern(kept)),
    ]
    return try lora.config(of: model, base: base).replacing(own)
  }

  /// As PEFT has it: by the name of a module's singular values.
  private func pattern(_ kept: [String: [Bool]]) -> JSON {
    .object(
      members: kept.sorted { $0.key < $1.key }.map { module, kept in
        (module + Self.valuesSuffix, .array(kept.map { .bool($0) }))
      })
  }

  private static let valuesSuffix = ".lora_E"

  /// The terms without the singular values that are 0, which is what PEFT's `save_pretrained` writes.
  package func left(
    of model: AdaptedModel, config: JSON, values: (_ parameter: String) -> [Float]
  ) throws -> (config: JSON, tensors: [DerivedTensor]) {
    let adaptation = try adaptation(of: model)
    var kept: [String: [Bool]] = [:]
    var tensors: [DerivedTensor] = []
    for module in try lora.modules(of: model).targets {
      guard let term = adaptation.lowRank(at: module, inputs: 0, outputs: 0) else {
        kept[module] = self.kept[module]
        continue
      }
      let names = term.names(module)
      let e = values(module + Self.valuesSuffix)
      let places = e.indices.filter { e[$0] != 0 }
      var others = e.map { $0 != 0 }[...]
      // An adapter that was read may have lost some before.
      kept[module] = self.kept[module].map { $0.map { $0 && others.removeFirst() } } ?? Array(others)
      let (a, b) = (values(names.a), values(names.b))
      let (inputs, outputs) = (a.count / term.rank, b.count / term.rank)
      tensors += [
        DerivedTensor(
          name: names.a, shape: [places.count, inputs],
          values: places.flatMap { a[$0 * inputs..<($0 + 1) * inputs] }),
        DerivedTensor(
          name: names.b, shape: [outputs, places.count],
          values: (0..<outputs).flatMap { row in places.map { b[row * term.rank + $0] } }),
        DerivedTensor(
          name: module + Self.valuesSuffix, shape: [places.count, 1], values: places.map { e[$0] }),
      ]
    }
    return (config.replacing([("rank_pattern", pattern(kept))]), tensors)
  }

  /// What an adapter was made by.
  /// - Parameter file: what messages name.
  /// - Throws: every setting that swiftdp does not have, at once.
  package init(config: JSON, file: String) throws {
    let problems = Problems()
    func value(_ key: String) -> JSON? { config[key].flatMap { $0.isNull ? nil : $0 } }
    func integer(_ key: String, _ fallback: Int, _ range: ClosedRange<Int>) -> Int {
      let found = value(key)?.integer ?? fallback
      if range.contains(found) { return found }
      problems.add(
        .data, "is \(found), but must be from \(range.lowerBound) to \(range.upperBound)",
        at: "\(file): \(key)")
      return fallback
    }
    func number(_ key: String, _ fallback: Double) -> Double { value(key)?.double ?? fallback }
    // What PEFT reads for LoRA alone.
    let others: Set = ["r", "rank_pattern", "alpha_pattern", "use_rslora", "init_lora_weights"]
    let common = (config.members ?? []).filter { !others.contains(String(decoding: $0.key, as: UTF8.self)) }
    lora = problems.collect { try LoRA(config: .object(common), file: file) } ?? LoRA()
    if lora.dora { problems.add(.data, "is true, which AdaLoRA has no place for", at: "\(file): use_dora") }
    targetRank = integer("target_r", 8, 1...4096)
    initialRank = integer("init_r", 12, 1...4096)
    firstSteps = integer("tinit", 0, 0...1 << 40)
    lastSteps = integer("tfinal", 0, 0...1 << 40)
    interval = integer("deltaT", 1, 1...1 << 40)
    beta1 = number("beta1", 0.85)
    beta2 = number("beta2", 0.85)
    orthogonalWeight = number("orth_reg_weight", 0.5)
    totalSteps = integer("total_step", 1, 1...1 << 40)
    for member in value("rank_pattern")?.members ?? [] {
      let name = String(decoding: member.key, as: UTF8.self)
      let flags = (member.value.elements ?? []).compactMap(\.bool)
      guard name.hasSuffix(Self.valuesSuffix), flags.count == initialRank,
        member.value.elements?.count == initialRank
      else {
        problems.add(
          .data,
          "has \(name.quoted), where a module's lora_E with \(initialRank) times true or false is meant",
          at: "\(file): rank_pattern")
        continue
      }
      kept[String(name.dropLast(Self.valuesSuffix.count))] = flags
    }
    try problems.throwIfAny()
  }
}

extension JSON {
  /// The same object with other values under some keys.
  fileprivate func replacing(_ settings: [(key: String, value: JSON)]) -> JSON {
    let keys = Set(settings.map(\.key))
    let others = (members ?? []).filter { !keys.contains(String(decoding: $0.key, as: UTF8.self)) }
    return .object(others + settings.map { JSON.Member(key: Array($0.key.utf8), value: $0.value) })
  }
}
