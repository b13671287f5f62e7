// Bottleneck adapters (Houlsby et al. 2019; Pfeiffer et al. 2020; He et al. 2021): what stands behind or beside parts of
// layers is trained, and the head of a task. Settings, their defaults and files are those of AdapterHub's `adapters`.
import Base
import Graph

package struct BottleneckAdapters: Method {
  package static let name = "adapters"
  /// What an adapter is called.
  package static let usualName = "default"
  /// The version of `adapters` whose files these are.
  private static let version = "adapters.1.3.0"

  package var form = BottleneckForm.pfeiffer
  /// What the adapter is called in its files.
  private var adapterName = usualName
  /// Where the settings stand, for messages.
  private var place = "method"

  package init() {}

  package var foldsIntoBase: Bool { false }

  package init(_ settings: Section) {
    let name = settings.text("config", default: "pfeiffer")
    let names = BottleneckForm.names.flatMap(\.names)
    if let known = BottleneckForm.names.first(where: { $0.names.contains(name) }) {
      form = known.form
    } else if !name.isEmpty {
      settings.fail(
        "config", "is \(name.quoted), which is not supported",
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "there are \(names.joined(separator: ", "))")
    }
    form = BottleneckForm(form, settings)
  }

  package var settings: JSON {
    .object(members: [("name", .string(Self.name))] + form.settings)
  }

  package func adaptation(of model: AdaptedModel) throws -> any Adaptation {
    let problems = Problems()
    for layer in form.leaveOut where !model.parts.contains(where: { $0.layer == layer }) {
      problems.add(
        .usage, "has \(layer), and the model has \(counted(model.layerCount, "layer"))",
        at: place + ".leave_out")
    }
    let parts = model.parts.filter(form.has)
    let found = problems.collect {
      try parts.map { ($0.module, try form.bottleneck(at: $0, named: place + ".reduction_factor")) }
    }
    if parts.isEmpty {
      problems.add(.usage, "leaves no bottleneck in this model", at: place, hint: "set output_adapter: true")
    }
    try problems.throwIfAny()
    return Bottlenecks(
      byModule: Dictionary(found ?? []) { first, _ in first }, trained: trained(of: model))
  }

  /// What is new, and heads as far as `adapters` trains them: not the parts within the model that they stand on, nor the
  /// projection onto the vocabulary with its bias.
  private func trained(of model: AdaptedModel) -> Set<String> {
    let isOutside = { (name: String) in model.basePrefix.isEmpty || !name.hasPrefix(model.basePrefix) }
    var heads = model.parameters.filter { $0.isHead && isOutside($0.name) }
    if model.headModule == nil {
      let vocabulary = model.parameters.first { $0.name == model.outputEmbedding }?.shape[0]
      heads.removeAll { $0.name == model.outputEmbedding || $0.shape.count == 1 && $0.shape[0] == vocabulary }
    }
    return model.alwaysTrained.union(heads.map(\.name))
  }

  private struct Bottlenecks: Adaptation {
    let byModule: [String: Bottleneck]
    let trained: Set<String>
    func trains(_ parameter: String) -> Bool { trained.contains(parameter) }
    func bottleneck(at part: LayerPart) -> Bottleneck? { byModule[part.module] }
  }
}

extension BottleneckAdapters {
  /// Whether an adapter_config.json is one of AdapterHub's.
  package static func isConfig(_ config: JSON) -> Bool {
    config["peft_type"] == nil && config["config"]?.members != nil
  }

  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? {
    .object([
      "config": form.config, "hidden_size": .integer(model.parts.first?.width ?? 0),
      "model_class": .string(model.className), "model_name": .string(base),
      "model_type": .string(model.typeName), "name": .string(adapterName), "version": .string(Self.version),
    ])
  }

  /// The method that an adapter was made by.
  /// - Parameter file: what messages name.
  /// - Throws: every setting that swiftdp does not have, at once.
  package init(config: JSON, file: String) throws {
    let problems = Problems()
    let top = Section(config, file: file, code: .data, problems: problems)
    let section = top.section("config")
    if let kind = section.raw("architecture")?.text {
      section.fail("architecture", "is \(kind.quoted), and bottlenecks are supported")
    } else {
      form = BottleneckForm(config: section)
    }
    adapterName = config["name"]?.text ?? Self.usualName
    place = file + ": config"
    try problems.throwIfAny()
  }
}
