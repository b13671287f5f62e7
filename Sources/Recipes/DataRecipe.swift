// The section `data` of a recipe.
import Base
import Datasets
import Foundation
import Objectives

package struct DataRecipe: Sendable {
  /// The files of `train`, or what `sources` mixes.
  package var sources: [DataSource]
  package var validation: ValidationSource
  package var format: DataFormat
  package var columns: DataColumns
  package var chats: ChatOptions
  /// In which order sources come.
  package var order: SourceOrder
  package var temperature: Double?
  package var sequenceLength: Int
  package var packing: Bool
  /// `packing: fit`: rows go where they fill blocks best.
  package var packingFits: Bool
  /// Whether the recipe says it.
  package let packingIsGiven: Bool
  package var packingMask: PackingMask
  /// Where tokens are kept for all ranks and later runs; nil for the memory of each rank.
  package var cache: DataCache?
  package var shuffle: Bool
  /// Whether the samples of a step are of about one length.
  package var groupsByLength: Bool
  /// Whether the recipe says it.
  package let groupingIsGiven: Bool
  /// What is done about mistakes in the data.
  package var check: DataCheckAction
  /// Passages before each question; nil for none.
  package var retrieval: RetrievalRecipe?

  /// - Parameter virtual: what the method puts before every sequence.
  package init(_ section: Section, for objective: any Objective, virtual: VirtualPositions = .none) {
    let train = section.has("train") ? DataFileNames.files(section.filePaths("train")) : nil
    let files = train?.files
    var validationMistakes: [UserError] = []
    let isMixture = section.has("sources")
    let share = section.raw("validation")?.double
    if let share {
      let checked = section.number("validation", default: 0, in: 0...0.9999)
      validation = share == 0 ? .none : .share(checked)
    } else if section.has("validation") {
      let (files, mistakes) = DataFileNames.files(section.filePaths("validation"))
      validation = files.isEmpty ? .none : .files(files)
      validationMistakes = mistakes
    } else {
      section.record("validation", .number(0.05))
      validation = .share(0.05)
    }
    (format, columns) = Self.form(section, for: objective)
    chats = ChatOptions(section)
    order = section.choice("order", default: .mixed)
    let mixing = section.section("mixing")
    temperature =
      mixing.has("temperature") ? mixing.number("temperature", default: 1, in: 0.1...1000) : nil
    sources =
      isMixture
      ? Self.mixed(section, format, columns, for: objective)
      : [DataSource(files: files ?? [], format: format, columns: columns)]
    if !isMixture {
      // What config.yaml says of a run without a mixture is no mistake.
      for (key, isGiven) in [("order", order != .mixed), ("mixing", temperature != nil)] where isGiven {
        section.fail(key, "is for several sources", hint: "give data.sources, or leave it out")
      }
    }
    let names = sources.compactMap(\.name)
    if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
      section.fail(
        "sources", "call two sources \(name.quoted), and numbers of each stand under its name",
        hint: "give each a name of its own")
    }
    if order == .gradual, sources.contains(where: { $0.epochs != nil }) {
      section.fail(
        "order", "is gradual, where shares follow from the step alone, and a source has epochs",
        hint: "leave epochs out")
    }
    if order != .mixed, temperature != nil {
      section.fail("mixing", "has a temperature, and sources come in order \(order.rawValue)")
    }
    if isMixture, files != nil {
      section.fail("sources", "is given beside data.train", hint: "make data.train one of the sources")
    } else if !isMixture, files == nil || section.raw("train")?.elements?.isEmpty == true {
      section.fail("train", "is missing", hint: "give a file or a list of files, or data.sources")
    }
    section.refuse("train", train?.mistakes ?? [])
    let isLabelled = format.isLabelled
    sequenceLength = section.integer("sequence_length", default: 256, in: 2...1 << 20)
    packingIsGiven = section.has("packing")
    packingFits = section.raw("packing")?.text == Self.fit
    if packingFits { section.record("packing", .string(Self.fit)) }
    packing =
      packingFits || section.bool("packing", default: !isLabelled && virtual == .none)
    if packing, virtual != .none {
      section.fail(
        "packing", "is true, and virtual tokens stand before each row", hint: "leave it out")
    } else if packing, isLabelled {
      section.fail("packing", "is true, and rows of format \(format.rawValue) are learned one by one")
    }
    packingMask = section.choice("packing_mask", default: .none)
    shuffle = section.bool("shuffle", default: true)
    groupingIsGiven = section.has("group_by_length")
    groupsByLength = section.bool(
      "group_by_length", default: !packing && shuffle && !objective.comparesSamples)
    // Whether texts with answers are packed, the model decides.
    if groupsByLength, packing, packingIsGiven || !objective.answersTexts {
      section.fail("group_by_length", Self.packedAreAlike, hint: "set data.packing=false")
    }
    if groupsByLength, !shuffle {
      section.fail(
        "group_by_length", "is true, and with shuffle: false sequences come in the order of the file")
    }
    check = section.choice("check", default: .warn)
    retrieval = RetrievalRecipe(section)
    if retrieval != nil, readsStandardInput {
      section.fail("retrieval", "reads files twice, and the data is standard input", hint: "name a file")
    }
    if retrieval != nil, !columns.places.isEmpty {
      section.fail("retrieval", "reads rows by their usual names, and data.columns gives others")
    }
    section.refuse("validation", validationMistakes)
    cache = Self.cache(section)
    if cache != nil, readsStandardInput {
      section.fail(
        "cache", "keeps files, and the data is standard input", hint: "leave it out, or name a file")
    }
    if allFiles.count(where: StandardInput.isNamed) > 1, train?.mistakes.isEmpty ?? true {
      section.fail("validation", "names standard input twice", hint: "it can be read once")
    }
  }

  private var allFiles: [String] { sources.flatMap(\.files) + validation.files }

  /// Whether one of the files is standard input.
  package var readsStandardInput: Bool { allFiles.contains(where: StandardInput.isNamed) }

  private static let fit = "fit"

  /// The folder of `cache`; it need not be there yet.
  private static func cache(_ section: Section) -> DataCache? {
    guard section.has("cache") else { return nil }
    var folder = section.filePath("cache")
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), !isFolder.boolValue {
      section.fail("cache", "\(folder) is a file, where a folder is meant")
    }
    return DataCache(folder: folder)
  }

  /// Why packed sequences are not grouped.
  static let packedAreAlike = "is true, and packed sequences all have one length"

  /// `sources`, each with settings of its own; `format` and `columns` are what they leave open.
  private static func mixed(
    _ section: Section, _ format: DataFormat, _ columns: DataColumns, for objective: any Objective
  ) -> [DataSource] {
    section.sectionList("sources").map { source in
      let (files, mistakes) = DataFileNames.files(source.filePaths("files"))
      if files.isEmpty, !source.has("files") || source.raw("files")?.elements?.isEmpty == true {
        source.fail("files", "is missing", hint: "give a file or a list of files")
      }
      source.refuse("files", mistakes)
      let (format, own) = form(source, for: objective, default: format)
      return DataSource(
        files: files, format: format, columns: source.has("columns") ? own : columns,
        weight: source.number("weight", default: 1, in: 1e-4...1e6),
        epochs: source.has("epochs") ? source.number("epochs", default: 1, in: 1e-3...1e6) : nil,
        name: source.has("name") ? source.text("name") : nil, template: ChatOptions.template(source))
    }
  }
}

extension Section {
  func refuse(_ key: String, _ mistakes: [UserError]) {
    for mistake in mistakes { fail(key, mistake.what, hint: mistake.hint) }
  }
}

extension DataRecipe {
  /// The keys `format` and `columns`, as far as they fit what is trained.
  package static func form(
    _ section: Section, for objective: any Objective, default fallback: DataFormat = .auto
  ) -> (DataFormat, DataColumns) {
    var format = section.choice("format", default: fallback)
    let columns = DataColumns(section.section("columns"))
    let task = type(of: objective)
    if let own = task.format {
      if format != .auto, format != own {
        section.fail("format", "is \(format.rawValue), and task \(task.name) reads \(own.rawValue)")
      }
      format = own
    } else if format.decided(by: columns).isLabelled {
      section.fail(
        section.has("columns") ? "columns" : "format",
        "names what task \(task.name) does not learn",
        hint: "set task=\(format.decided(by: columns).rawValue)")
    }
    for mistake in columns.mistakes(for: format, setting: "columns") {
      section.fail(mistake.place, mistake.what, hint: mistake.hint)
    }
    return (format, columns)
  }
}

extension ValidationSource {
  var files: [String] {
    if case .files(let files) = self { files } else { [] }
  }
}

extension DataColumns {
  /// `data.columns`: the name or the number of each column.
  package init(_ section: Section) {
    self.init()
    for name in section.names {
      guard let given = section.raw(name) else { continue }
      section.record(name, given)
      if let number = given.integer {
        guard number >= 0 else {
          section.fail(name, "is \(number), but columns count from 0")
          continue
        }
        places[name] = .number(number)
      } else if let text = given.text, !text.isEmpty {
        places[name] = .name(text)
      } else {
        section.fail(name, "is \(given.kind), where the name or the number of a column is meant")
      }
    }
  }
}
