// The filter that lm-evaluation-harness adds to Jinja: Python's `re.sub`.

enum PatternFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "regex_replace": { value, call, rendering in
      let arguments = try call.bound("pattern", "repl", "count", required: 2)
      guard case .string(let text) = value else {
        try value.defined()
        throw PythonError("expected string or bytes-like object, got '\(value.typeName)'")
      }
      let (source, replacement) = (try arguments[0].text(call)!, try arguments[1].text(call)!)
      let count = try arguments[2].integer() ?? 0
      try rendering.make(text.count)
      do throws(PatternMistake) {
        let pattern = try Pattern(String(decoding: source, as: UTF8.self))
        let result = try pattern.replacing(
          String(decoding: text, as: UTF8.self), by: String(decoding: replacement, as: UTF8.self),
          count: count)
        return .string(Array(result.utf8))
      } catch { throw PythonError(error.what) }
    }
  ]
}
