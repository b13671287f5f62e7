// Filters of texts. Most of them take any value as its text.

enum TextFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "upper": plain(PythonText.uppercased), "lower": plain(PythonText.lowercased),
    "capitalize": plain(PythonText.capitalized), "title": plain(PythonText.titledAfterBreaks),
    "escape": plain(PythonText.escaped), "e": plain(PythonText.escaped),
    "forceescape": plain(PythonText.escaped),
    "striptags": plain(PythonText.withoutTags),
    "trim": { value, call, rendering in
      let characters = try call.bound("chars")[0] ?? .none
      return .string(
        try StringCuts.stripped(
          try value.text(rendering), characters, call, start: true, end: true, rendering))
    },
    "replace": { value, call, rendering in
      let arguments = try call.bound("old", "new", "count", required: 2)
      let count = try arguments[2].flatMap { $0.isNone ? nil : $0 }.integer() ?? -1
      return .string(
        try PythonText.replacing(
          try value.text(rendering), try arguments[0]!.text(rendering), by: try arguments[1]!.text(rendering),
          atMost: count, rendering))
    },
    "center": { value, call, rendering in
      let width = try call.bound("width")[0].integer() ?? 80
      return .string(try PythonText.centered(try value.text(rendering), width, rendering))
    },
    "indent": { value, call, rendering in
      let arguments = try call.bound("width", "first", "blank")
      let indent: [UInt8]
      if case .string(let text)? = arguments[0] {
        indent = text
      } else {
        let width = max(0, try arguments[0].integer() ?? 4)
        try rendering.make(width)
        indent = [UInt8](repeating: 0x20, count: width)
      }
      guard case .string(let text) = value else {
        try value.defined()
        throw PythonError("unsupported operand type(s) for +=: '\(value.typeName)' and 'str'")
      }
      return .string(
        try PythonText.indented(
          text, by: indent, first: try arguments[1].isTrue(), blank: try arguments[2].isTrue(), rendering))
    },
    "format": { value, call, rendering in
      guard call.positional.isEmpty || call.named.isEmpty else {
        throw PythonError("can't handle positional and keyword arguments at the same time")
      }
      var values = Value.tuple(try List(call.positional))
      if !call.named.isEmpty { values = .dict(try Globals.dict(&call, rendering)) }
      return .string(try PercentFormat.format(try value.text(rendering), values, rendering))
    },
    "truncate": { value, call, rendering in
      let arguments = try call.bound("length", "killwords", "end", "leeway")
      let length = try arguments[0].integer() ?? 255
      let end = try arguments[2].text(call) ?? Array("...".utf8)
      let leeway = try arguments[3].flatMap { $0.isNone ? nil : $0 }.integer() ?? 5
      let endCount = PythonText.count(end)
      guard length >= endCount else { throw PythonError("expected length >= \(endCount), got \(length)") }
      guard leeway >= 0 else { throw PythonError("expected leeway >= 0, got \(leeway)") }
      guard case .string(let text) = value else {
        if try value.count() <= length { return value }
        throw PythonError("truncate takes a text, not \(value.typeName)")
      }
      let (most, overflows) = length.addingReportingOverflow(leeway)
      if overflows || PythonText.count(text) <= most { return value }
      try rendering.make(text.count)
      var cut = Array(text[..<PythonText.place(text, ofCharacter: length - endCount)])
      if try !arguments[1].isTrue(), let space = cut.lastIndex(of: 0x20) { cut = Array(cut[..<space]) }
      return .string(cut + end)
    },
    "wordcount": { value, call, rendering in
      try call.checkEmpty()
      var count = 0
      var isInWord = false
      for scalar in PythonText.scalars(try value.text(rendering)) {
        let isWord = scalar == "_" || PythonText.isAlphabetic(scalar) || PythonText.isNumeric(scalar)
        if isWord, !isInWord { count += 1 }
        isInWord = isWord
      }
      return .integer(count)
    },
    "wordwrap": { value, call, rendering in
      let arguments = try call.bound("width", "break_long_words", "wrapstring", "break_on_hyphens")
      guard case .string(let text) = value else {
        throw PythonError("'\(value.typeName)' object has no attribute 'splitlines'")
      }
      let wrapping = TextWrapping(
        width: try arguments[0].integer() ?? 79, breaksLongWords: try arguments[1]?.isTrue ?? true,
        breaksOnHyphens: try arguments[3]?.isTrue ?? true)
      let separator = try arguments[2].flatMap { $0.isNone ? nil : $0 }.text(call) ?? [0x0A]
      return .string(try wrapping.wrapped(text, separator: separator, rendering))
    },
    "urlencode": { value, call, rendering in
      try call.checkEmpty()
      var pairs: [Value]?
      switch value {
      case .dict(let dict): pairs = (0..<dict.count).map { dict.pair($0) }
      case .list, .tuple, .object: pairs = try value.elements(rendering)
      default: break
      }
      guard let pairs else {
        return .string(try PythonText.quotedForURL(value.text(rendering), slash: true, rendering))
      }
      var out: [UInt8] = []
      for (place, pair) in pairs.enumerated() {
        let parts = try pair.elements(rendering)
        guard parts.count == 2 else { throw PythonError("urlencode takes pairs") }
        if place > 0 { out.append(UInt8(ascii: "&")) }
        out += try PythonText.quotedForURL(parts[0].text(rendering), slash: false, rendering)
        out.append(UInt8(ascii: "="))
        out += try PythonText.quotedForURL(parts[1].text(rendering), slash: false, rendering)
      }
      return .string(out)
    },
  ]

  private static func plain(_ change: @escaping ([UInt8]) -> [UInt8]) -> Filter {
    { value, call, rendering in
      try call.checkEmpty()
      let text = try value.text(rendering)
      try rendering.make(text.count * 4)
      return .string(change(text))
    }
  }
}

extension PythonText {
  /// Every word behind white space, a hyphen or an opening bracket begins in upper case.
  static func titledAfterBreaks(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    var word: [UInt8] = []
    func flushed() -> [UInt8] {
      guard let first = word.first else { return [] }
      let length = length(first)
      return uppercased(Array(word[..<length])) + lowercased(Array(word[length...]))
    }
    for scalar in scalars(text) {
      if "-({[<".unicodeScalars.contains(scalar) || isSpace(scalar.value) {
        out += flushed()
        word = []
        append(scalar, to: &out)
      } else {
        append(scalar, to: &word)
      }
    }
    return out + flushed()
  }

  /// For HTML.
  static func escaped(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    for byte in text {
      switch byte {
      case UInt8(ascii: "&"): out += "&amp;".utf8
      case UInt8(ascii: "<"): out += "&lt;".utf8
      case UInt8(ascii: ">"): out += "&gt;".utf8
      case UInt8(ascii: "'"): out += "&#39;".utf8
      case UInt8(ascii: "\""): out += "&#34;".utf8
      default: out.append(byte)
      }
    }
    return out
  }

  /// Without tags and comments of HTML, with single spaces. Entities stay as they are, but for the five that `escaped` makes.
  static func withoutTags(_ text: [UInt8]) -> [UInt8] {
    var out = text
    func drop(_ open: String, _ close: String) {
      var from = 0
      while let start = find(Array(open.utf8), in: out[from...]) {
        guard let end = find(Array(close.utf8), in: out[start...]) else { break }
        out.removeSubrange(start..<(end + close.utf8.count))
        from = start
      }
    }
    drop("<!--", "-->")
    drop("<", ">")
    var joined = Array(words(out, atMost: .max).joined(separator: [0x20]))
    for (entity, character) in [
      ("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", "\""), ("&quot;", "\""), ("&amp;", "&"),
    ] {
      joined = Array(
        String(decoding: joined, as: UTF8.self).split(separator: entity, omittingEmptySubsequences: false)
          .joined(separator: character).utf8)
    }
    return joined
  }

  static func indented(
    _ text: [UInt8], by indent: [UInt8], first: Bool, blank: Bool, _ rendering: Rendering
  ) throws -> [UInt8] {
    let lines = lines(text + [0x0A])
    var out: [UInt8] = []
    try rendering.make(text.count)
    for (place, line) in lines.enumerated() {
      if place > 0 { out.append(0x0A) }
      if place == 0 ? first : blank || !line.isEmpty {
        try rendering.make(indent.count)
        out += indent
      }
      out += line
    }
    return out
  }

  static func quotedForURL(_ text: [UInt8], slash: Bool, _ rendering: Rendering) throws -> [UInt8] {
    try rendering.make(text.count * 3)
    var out: [UInt8] = []
    for byte in text {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39,
        UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "~"):
        out.append(byte)
      case UInt8(ascii: "/") where slash: out.append(byte)
      case UInt8(ascii: " ") where !slash: out.append(UInt8(ascii: "+"))
      default: out += ("%" + Value.hex(UInt32(byte), 2).uppercased()).utf8
      }
    }
    return out
  }
}
