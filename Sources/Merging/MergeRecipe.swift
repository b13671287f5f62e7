// merge.yaml: which models are merged, how, and with which settings, in mergekit's words.
import Base
import Checkpoints
import Foundation
import Models

/// Layers of one model.
struct MergeSource {
  let model: MergeModelName
  /// nil for all.
  let layers: Range<Int>?
  let settings: MergeSettings
}

/// Layers of the merged model that follow each other, from as many layers of each source.
struct MergeSlice {
  let sources: [MergeSource]
  let settings: MergeSettings
}

package struct MergeRecipe {
  let method: any MergeMethod
  /// One for all layers where `models` are given.
  let slices: [MergeSlice]
  let base: MergeModelName?
  let settings: MergeSettings
  /// What numbers are stored as; nil for the type that the first model has them in.
  let type: StoredType?
  /// What the user should know, a line each.
  package let notes: [String]

  private enum Storage: String, CaseIterable {
    case float32, float16, bfloat16, fp32, fp16, bf16
    var type: StoredType {
      switch self {
      case .float32, .fp32: .f32
      case .float16, .fp16: .f16
      case .bfloat16, .bf16: .bf16
      }
    }
  }

  /// What mergekit knows and swiftdp does not.
  private static let refused: [(key: String, hint: String)] = [
    ("modules", "name the models in models, or their layers in slices"),
    ("tokenizer", "merge models of one vocabulary"),
  ]

  /// - Parameter top: of the YAML file, whose problems take all mistakes.
  package init(_ top: Section, paths: UserPaths = UserPaths(), problems: Problems) {
    var notes: [String] = []
    func note(_ line: String) { if !notes.contains(line) { notes.append(line) } }
    let name = top.text("merge_method")
    let method = mergeMethods.first { $0.name == name }
    if method == nil, !name.isEmpty {
      let names = mergeMethods.map(\.name)
      top.fail(
        "merge_method", "is \(name.quoted), which is no method of swiftdp merge",
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "there are \(names.joined(separator: ", "))")
    }
    let known = method ?? LinearMerge()
    self.method = known
    for (key, hint) in Self.refused where top.has(key) { top.fail(key, "is not supported", hint: hint) }
    // mergekit's own default, by name.
    if top.has("tokenizer_source") {
      let source = top.text("tokenizer_source")
      if source != "base" {
        top.fail("tokenizer_source", "is \(source.quoted), and only base is supported", hint: "leave it out")
      }
    }
    func storage(_ key: String) -> StoredType? {
      top.has(key) ? top.choice(key, default: Storage.float32).type : nil
    }
    let inner = storage("dtype")
    type = storage("out_dtype") ?? inner
    func model(_ section: Section, _ key: String) -> MergeModelName? {
      let text = section.text(key)
      guard !text.isEmpty else { return nil }
      do {
        return try MergeModelName(text, paths: paths) { FileManager.default.fileExists(atPath: $0) }
      } catch {
        section.fail(key, (error as? UserError)?.what ?? "\(error)")
        return nil
      }
    }
    let base = top.has("base_model") ? model(top, "base_model") : nil
    self.base = base
    settings = MergeSettings(top, of: known, note: note)

    func source(_ section: Section, hasLayers: Bool) -> MergeSource? {
      let name = model(section, "model")
      let settings = MergeSettings(section, of: known, note: note)
      var layers: Range<Int>?
      if hasLayers {
        let ends = section.raw("layer_range")?.elements?.compactMap(\.integer) ?? []
        guard ends.count == 2, ends[0] >= 0, ends[0] < ends[1] else {
          section.fail(
            "layer_range", section.has("layer_range") ? "is no [first, end] with first < end" : "is missing",
            hint: "[0, 16] are the first 16 layers")
          return nil
        }
        section.record("layer_range", .array(ends.map { .integer($0) }))
        layers = ends[0]..<ends[1]
      }
      return name.map { MergeSource(model: $0, layers: layers, settings: settings) }
    }
    let empty = MergeSettings(
      Section(nil, file: nil, code: .usage, problems: problems), of: known, note: note)
    var slices: [MergeSlice] = []
    switch (top.has("models"), top.has("slices")) {
    case (true, false):
      var sources = top.sectionList("models").compactMap { source($0, hasLayers: false) }
      if let base, !sources.contains(where: { $0.model == base }) {
        sources.append(MergeSource(model: base, layers: nil, settings: empty))
      }
      slices = [MergeSlice(sources: sources, settings: empty)]
    case (false, true):
      slices = top.sectionList("slices").map { slice in
        let sources = slice.sectionList("sources").compactMap { source($0, hasLayers: true) }
        if !slice.has("sources") { slice.fail("sources", "is missing") }
        let lengths = Set(sources.compactMap { $0.layers?.count })
        if lengths.count > 1 { slice.fail("sources", "have unequal numbers of layers") }
        return MergeSlice(sources: sources, settings: MergeSettings(slice, of: known, note: note))
      }
    case (true, true): top.fail("slices", "stands beside models", hint: "give one of them")
    case (false, false): top.fail("models", "is missing", hint: "give models, or slices of them")
    }
    self.slices = slices
    top.refuseUnknownKeys(of: "swiftdp merge")
    if known.needsBase, base == nil, method != nil {
      top.fail("base_model", "is missing, and \(known.name) needs it")
    }
    for slice in slices where method != nil && !slice.sources.isEmpty {
      let names = slice.sources.map(\.model)
      if !known.models.contains(names.count) {
        top.failWhole(
          "\(known.name) merges \(known.models.words) models, and there are \(names.count)")
      }
      if Set(names).count < names.count { top.failWhole("a model stands twice beside itself") }
      if known.needsBase, let base, !names.contains(base) {
        top.failWhole("a slice lacks the base, which \(known.name) needs")
      }
    }
    self.notes = notes
  }
}
