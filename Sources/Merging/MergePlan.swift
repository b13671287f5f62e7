// Which tensors of which models make each tensor of a merged model.
import Base
import Checkpoints
import Graph
import Models
import Tensors

struct MergePlan {
  /// What one tensor is made of.
  struct Part {
    struct Input {
      /// Which of the models, and which of its parameters.
      let model: Int
      let parameter: Int
      let isBase: Bool
      let values: MergeValues
    }
    let inputs: [Input]
    let shared: MergeValues
  }

  let description: ModelDescription
  let layout: ParameterLayout
  /// By parameter of the layout.
  let parts: [Part]
  /// The model whose config.json, tokenizer and types the merged one has.
  let donor: Int

  /// - Throws: every mistake at once.
  init(_ recipe: MergeRecipe, _ models: [MergeModel], at file: String) throws {
    let problems = Problems()
    func index(_ name: MergeModelName) -> Int {
      models.firstIndex { $0.name == name } ?? 0
    }
    donor = recipe.base.map(index) ?? index(recipe.slices[0].sources[0].model)
    let pattern = models[donor]
    let slices = recipe.slices.map { slice in
      slice.sources.map { source in
        (
          source: source, model: index(source.model),
          layers: source.layers ?? 0..<models[index(source.model)].layers.count
        )
      }
    }
    for slice in slices {
      for (_, model, layers) in slice where layers.upperBound > models[model].layers.count {
        problems.add(
          .usage, "has \(models[model].layers.count) layers, and layer_range ends with \(layers.upperBound)",
          at: models[model].name.words)
      }
      if Set(slice.map(\.layers.count)).count > 1 {
        problems.add(
          .usage,
          "models with \(slice.map { String($0.layers.count) }.joined(separator: " and ")) layers "
            + "stand beside each other", at: file, hint: "merge models of one shape")
      }
    }
    let count = slices.reduce(0) { $0 + $1[0].layers.count }
    if slices.count > 1 || count != pattern.layers.count,
      pattern.layers.hasSeveral || pattern.layers.countKey == nil
    {
      problems.add(
        .usage, "has layers that cannot be taken apart", at: pattern.name.words,
        hint: "give models instead of slices")
    }
    try problems.throwIfAny()
    description = try pattern.description.replacingLayers(
      slices.map { slice in (config: models[slice[0].model].description.config, layers: slice[0].layers) },
      key: pattern.layers.countKey, type: recipe.type)
    layout = description.layout
    let names = try LayerNames(description, layout: layout)
    var parts: [Part] = []
    for (place, parameter) in zip(names.places, layout.parameters) {
      var (number, start) = (0, 0)
      switch place {
      case .before: number = 0
      case .after: number = slices.count - 1
      case .layer(let layer):
        while number + 1 < slices.count, layer >= start + slices[number][0].layers.count {
          start += slices[number][0].layers.count
          number += 1
        }
      }
      let (slice, sources) = (recipe.slices[number], slices[number])
      var (offset, part) = (0, 0.0)
      if case .layer(let layer) = place {
        offset = layer - start
        let length = sources[0].layers.count
        part = length > 1 ? Double(offset) / Double(length - 1) : 1
      }
      func value(_ setting: MergeParameter, _ source: MergeSource?, _ tensor: String) -> Double {
        for settings in [source?.settings, slice.settings, recipe.settings] {
          if let value = settings?[setting.name]?.value(for: tensor, part: part) { return value }
        }
        if let usual = setting.usual { return usual }
        problems.add(
          .usage, "is missing for \(tensor)" + (source.map { " of \($0.model.words)" } ?? ""),
          at: "\(file): parameters.\(setting.name)", hint: "\(recipe.method.name) needs it")
        return 0
      }
      let spec = parameter.spec
      var inputs: [Part.Input] = []
      for (source, model, layers) in sources {
        var name = spec.name
        if case .layer = place { name = LayerNames.name(name, inLayer: layers.lowerBound + offset) }
        guard let own = models[model].layout.index(of: name) else {
          problems.add(
            .data, "has no \(name)", at: models[model].name.words, hint: "merge models of one shape")
          continue
        }
        let shape = models[model].layout.parameters[own].spec.shape
        guard shape == spec.shape else {
          problems.add(
            .data, "has the shape \(shape), and in \(pattern.name.words) it has \(spec.shape)",
            at: "\(models[model].name.words): \(name)", hint: "merge models of one shape and vocabulary")
          continue
        }
        let isBase = source.model == recipe.base
        var values = MergeValues()
        for setting in recipe.method.parameters
        where setting.scope == .input || setting.scope == .nonBase && !isBase {
          values[setting.name] = value(setting, source, name)
        }
        inputs.append(Part.Input(model: model, parameter: own, isBase: isBase, values: values))
      }
      var shared = MergeValues()
      for setting in recipe.method.parameters where setting.scope == .shared {
        shared[setting.name] = value(setting, nil, spec.name)
      }
      parts.append(Part(inputs: inputs, shared: shared))
      // A mistake in one tensor is mostly one in all.
      try problems.throwIfAny()
    }
    self.parts = parts
  }
}

extension ModelDescription {
  /// The same model with the layers of others.
  /// - Parameters:
  ///   - slices: the layers in their order, and the config.json that they come from.
  ///   - key: what says in config.json how many there are.
  ///   - type: what its numbers are stored as; nil for what config.json says.
  fileprivate func replacingLayers(
    _ slices: [(config: JSON, layers: Range<Int>)], key: String?, type: StoredType?
  ) throws -> ModelDescription {
    var settings: [(key: String, value: JSON)] = []
    if let key { settings.append((key, .integer(slices.reduce(0) { $0 + $1.layers.count }))) }
    // What config.json says of each layer.
    for list in ["layer_types", "no_rope_layers", "sliding_window_layers"] where config[list]?.elements != nil
    {
      let parts = slices.map { slice -> [JSON] in
        let elements = slice.config[list]?.elements ?? []
        return slice.layers.upperBound <= elements.count ? Array(elements[slice.layers]) : []
      }
      settings.append((list, .array(Array(parts.joined()))))
    }
    if let type {
      let name = type == .f32 ? "float32" : type == .f16 ? "float16" : "bfloat16"
      settings.append((config["dtype"] == nil ? "torch_dtype" : "dtype", .string(name)))
    }
    return try ModelDescription(
      config: replacing(settings), file: folder + "/config.json", folder: folder,
      endOfGeneration: endOfGeneration.map(Int.init)
    ).adapted(by: NoFineTuning())
  }
}
