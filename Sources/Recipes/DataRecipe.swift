// The section `data` of a recipe.
import Base
import Datasets

package struct DataRecipe: Sendable {
  /// The files of `train`, or what `sources` mixes.
  package var sources: [DataSource]
  package var validation: ValidationSource
  package var format: DataFormat
  package var columns: DataColumns
  package var sequenceLength: Int
  package var packing: Bool
  package var packingMask: PackingMask
  package var shuffle: Bool

  package init(_ section: Section) {
    let files = section.has("train") ? section.filePaths("train") : nil
    let isMixture = section.has("sources")
    let share = section.raw("validation")?.double
    if let share {
      let checked = section.number("validation", default: 0, in: 0...0.9999)
      validation = share == 0 ? .none : .share(checked)
    } else if section.has("validation") {
      let files = section.filePaths("validation")
      validation = files.isEmpty ? .none : .files(files)
    } else {
      section.record("validation", .number(0.05))
      validation = .share(0.05)
    }
    format = section.choice("format", default: .auto)
    columns = DataColumns(section.section("columns"))
    for mistake in columns.mistakes(for: format, setting: "columns") {
      section.fail(mistake.place, mistake.what, hint: mistake.hint)
    }
    sources =
      isMixture
      ? Self.mixed(section, format, columns)
      : [DataSource(files: files ?? [], format: format, columns: columns)]
    if isMixture, files != nil {
      section.fail("sources", "is given beside data.train", hint: "make data.train one of the sources")
    } else if !isMixture, files == nil || section.raw("train")?.elements?.isEmpty == true {
      section.fail("train", "is missing", hint: "give a file or a list of files, or data.sources")
    }
    section.refuseMissingFiles("train", files ?? [])
    let isLabelled = sources.first.map { $0.format.decided(by: $0.columns).isLabelled } ?? false
    sequenceLength = section.integer("sequence_length", default: 256, in: 2...1 << 20)
    packing = section.bool("packing", default: !isLabelled)
    if packing, isLabelled {
      section.fail("packing", "is true, and each row of format classification has a label of its own")
    }
    packingMask = section.choice("packing_mask", default: .none)
    shuffle = section.bool("shuffle", default: true)
    section.refuseMissingFiles("validation", validation.files)
  }

  /// `sources`, each with settings of its own; `format` and `columns` are what they leave open.
  private static func mixed(
    _ section: Section, _ format: DataFormat, _ columns: DataColumns
  ) -> [DataSource] {
    section.sectionList("sources").map { source in
      let files = source.filePaths("files")
      if files.isEmpty, !source.has("files") || source.raw("files")?.elements?.isEmpty == true {
        source.fail("files", "is missing", hint: "give a file or a list of files")
      }
      source.refuseMissingFiles("files", files)
      let format = source.choice("format", default: format)
      let own = source.has("columns") ? DataColumns(source.section("columns")) : columns
      if source.has("columns") {
        for mistake in own.mistakes(for: format, setting: "columns") {
          source.fail(mistake.place, mistake.what, hint: mistake.hint)
        }
      }
      return DataSource(
        files: files, format: format, columns: own,
        weight: source.number("weight", default: 1, in: 1e-4...1e6))
    }
  }
}

extension Section {
  fileprivate func refuseMissingFiles(_ key: String, _ files: [String]) {
    for file in files {
      if let mistake = UserError.noFile(file, at: key) { fail(key, mistake.what, hint: mistake.hint) }
    }
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
