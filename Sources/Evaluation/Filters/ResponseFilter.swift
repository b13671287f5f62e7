// What is made of a model's answers before they are compared: one filter per file, as lm-evaluation-harness has them.
import Base
import Templates

/// A step of a pipeline.
protocol ResponseFilter: Sendable {
  static var name: String { get }
  init(_ keys: Section)
  /// - Parameter responses: those to one request, all of its repeats.
  /// - Returns: a list, or what comes of it.
  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON
}

struct FilterMistake: Error {
  var what: String
}

enum ResponseFilters {
  static let all: [any ResponseFilter.Type] = [
    RegexFilter.self, MultipleChoiceRegexFilter.self, WhitespaceFilter.self, LowercaseFilter.self,
    UppercaseFilter.self, MapFilter.self, TakeFirst.self, TakeFirstFew.self, MajorityVote.self,
  ]
}

/// Filters that are applied one after the other; a task has its metrics once for each pipeline.
struct FilterPipeline: Sendable {
  let name: String
  private let filters: [any ResponseFilter]

  /// `filter_list`, or the first response without one.
  static func list(_ keys: Section) -> [FilterPipeline] {
    guard keys.raw("filter_list") != nil else {
      return [FilterPipeline(name: "none", filters: [TakeFirst()])]
    }
    return keys.sectionList("filter_list").map { part in
      let name = part.text("name")
      let filters = part.sectionList("filter").compactMap { keys -> (any ResponseFilter)? in
        if let python = keys.raw("function")?[TaskYAML.function]?.text {
          keys.fail("function", "names the Python function \(python.quoted), and swiftdp runs no Python")
          return nil
        }
        let name = keys.text("function")
        guard let type = ResponseFilters.all.first(where: { $0.name == name }) else {
          let names = ResponseFilters.all.map { $0.name }
          if !name.isEmpty {
            let needs = name == "custom" ? ", which needs Python" : ""
            keys.fail(
              "function", "is \(name.quoted)\(needs), and not built in",
              hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
                ?? "there are \(names.joined(separator: ", "))")
          }
          for key in keys.names { _ = keys.raw(key) }
          return nil
        }
        return type.init(keys)
      }
      return FilterPipeline(name: name, filters: filters)
    }
  }

  /// - Parameter responses: those of one request.
  func apply(_ responses: [JSON], doc: JSON, _ task: TaskDefinition) throws -> JSON {
    var current = JSON.array(responses)
    for filter in filters {
      guard let list = current.elements else {
        throw task.mistake(
          "the filter \(type(of: filter).name) stands behind one that leaves a single answer")
      }
      do throws(FilterMistake) { current = try filter.apply(list, doc: doc) } catch {
        throw task.mistake("the filter \(type(of: filter).name) \(error.what)")
      }
    }
    return current
  }

  /// Regular expressions of a key.
  static func patterns(_ keys: Section, _ key: String, usual: String? = nil) -> [Pattern] {
    let texts = keys.has(key) ? keys.texts(key, default: []) : [usual].compactMap { $0 }
    return texts.compactMap { text in
      do throws(PatternMistake) { return try Pattern(text) } catch {
        keys.fail(key, "is no regular expression: \(error.what)")
        return nil
      }
    }
  }
}

extension ResponseFilter {
  /// A response as a text; other values are empty.
  static func text(_ response: JSON) -> String { response.text ?? "" }

  /// Applies something to each response that is a text.
  static func each(
    _ responses: [JSON], _ body: (String) throws(FilterMistake) -> JSON
  ) throws(FilterMistake) -> JSON {
    var all: [JSON] = []
    for response in responses { all.append(try body(text(response))) }
    return .array(all)
  }
}
