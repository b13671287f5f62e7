// The section `data` of a recipe.
import Base
import Datasets
import Objectives

package struct DataRecipe: Sendable {
  package var train: [String]
  package var validation: ValidationSource
  package var format: DataFormat
  package var columns: DataColumns
  package var sequenceLength: Int
  package var packing: Bool
  package var packingMask: PackingMask
  package var shuffle: Bool

  package init(_ section: Section, for objective: any Objective) {
    let given = section.raw("train")
    train = given == nil ? [] : section.filePaths("train")
    if given == nil || given?.elements?.isEmpty == true {
      section.fail("train", "is missing", hint: "give a file or a list of files")
    }
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
    (format, columns) = Self.form(section, for: objective)
    let isLabelled = format.isLabelled
    sequenceLength = section.integer("sequence_length", default: 256, in: 2...1 << 20)
    packing = section.bool("packing", default: !isLabelled)
    if packing, isLabelled {
      section.fail("packing", "is true, and each row of format classification has a label of its own")
    }
    packingMask = section.choice("packing_mask", default: .none)
    shuffle = section.bool("shuffle", default: true)
    for (key, files) in [("train", train), ("validation", validation.files)] {
      for file in files {
        if let mistake = UserError.noFile(file, at: key) {
          section.fail(key, mistake.what, hint: mistake.hint)
        }
      }
    }
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
        "names labels, which task \(task.name) does not learn", hint: "set task=classification")
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
