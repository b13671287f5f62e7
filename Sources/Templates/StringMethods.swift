// Python's methods of texts; those that search and cut stand in `StringSearch.swift` and `StringCuts.swift`.

enum StringMethods {
  nonisolated(unsafe) static let all: [String: Method] = [
    "upper": plain(PythonText.uppercased), "lower": plain(PythonText.lowercased),
    "casefold": plain(PythonText.caseFolded), "capitalize": plain(PythonText.capitalized),
    "title": plain(PythonText.titled), "swapcase": plain(PythonText.caseSwapped),

    "isupper": question { PythonText.isAll(upper: true, $0) },
    "islower": question { PythonText.isAll(upper: false, $0) },
    "istitle": question(PythonText.isTitle), "isascii": question(PythonText.isASCII),
    "isidentifier": question(PythonText.isIdentifier),
    "isalpha": question { PythonText.all($0, PythonText.isAlphabetic) },
    "isdecimal": question { PythonText.all($0, PythonText.isDecimal) },
    "isdigit": question { PythonText.all($0, PythonText.isDigit) },
    "isnumeric": question { PythonText.all($0, PythonText.isNumeric) },
    "isalnum": question { text in
      PythonText.all(text) { PythonText.isAlphabetic($0) || PythonText.isNumeric($0) }
    },
    "isspace": question { text in PythonText.all(text) { PythonText.isSpace($0.value) } },
    "isprintable": question { text in PythonText.scalars(text).allSatisfy(Value.isPrintable) },

    "strip": StringCuts.strip(start: true, end: true), "lstrip": StringCuts.strip(start: true, end: false),
    "rstrip": StringCuts.strip(start: false, end: true), "split": StringCuts.split,
    "rsplit": StringCuts.splitRight,
    "splitlines": StringCuts.splitLines, "partition": StringCuts.partition(fromEnd: false),
    "rpartition": StringCuts.partition(fromEnd: true), "removeprefix": StringCuts.remove(atEnd: false),
    "removesuffix": StringCuts.remove(atEnd: true),

    "find": StringSearch.find(fromEnd: false, raises: false),
    "rfind": StringSearch.find(fromEnd: true, raises: false),
    "index": StringSearch.find(fromEnd: false, raises: true),
    "rindex": StringSearch.find(fromEnd: true, raises: true),
    "count": StringSearch.count, "startswith": StringSearch.hasEnd(atEnd: false),
    "endswith": StringSearch.hasEnd(atEnd: true),

    "replace": { receiver, call, rendering in
      let arguments = try call.unnamed(2...3)
      let old = try Optional(arguments[0]).text(call)!
      let new = try Optional(arguments[1]).text(call)!
      let count = arguments.count > 2 ? try Optional(arguments[2]).integer()! : -1
      return .string(try PythonText.replacing(receiver.bytes, old, by: new, atMost: count, rendering))
    },
    "join": { receiver, call, rendering in
      let parts = try call.unnamed(1...1)[0].elements(rendering)
      var out: [UInt8] = []
      for (place, part) in parts.enumerated() {
        guard case .string(let text) = part else {
          throw PythonError("sequence item \(place): expected str instance, \(part.typeName) found")
        }
        try rendering.make(text.count + receiver.bytes.count)
        if place > 0 { out += receiver.bytes }
        out += text
      }
      return .string(out)
    },
    "center": { receiver, call, rendering in
      let (width, fill) = try widthAndFill(&call)
      return .string(try PythonText.centered(receiver.bytes, width, fill: fill, rendering))
    },
    "ljust": { receiver, call, rendering in
      let (width, fill) = try widthAndFill(&call)
      let padding = max(0, width - PythonText.count(receiver.bytes))
      return .string(try PythonText.padded(receiver.bytes, before: 0, after: padding, fill, rendering))
    },
    "rjust": { receiver, call, rendering in
      let (width, fill) = try widthAndFill(&call)
      let padding = max(0, width - PythonText.count(receiver.bytes))
      return .string(try PythonText.padded(receiver.bytes, before: padding, after: 0, fill, rendering))
    },
    "zfill": { receiver, call, rendering in
      let width = try Optional(try call.unnamed(1...1)[0]).integer()!
      let text = receiver.bytes
      let padding = max(0, width - PythonText.count(text))
      let hasSign = text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+")
      let digits = hasSign ? Array(text.dropFirst()) : text
      let filled = try PythonText.padded(digits, before: padding, after: 0, [UInt8(ascii: "0")], rendering)
      return .string(hasSign ? [text[0]] + filled : filled)
    },
    "expandtabs": { receiver, call, rendering in
      let size = try call.bound("tabsize")[0].integer() ?? 8
      return .string(try PythonText.expandingTabs(receiver.bytes, size, rendering))
    },
    "format": { receiver, call, rendering in
      .string(try BraceFormat.format(receiver.bytes, call, rendering))
    },
    "format_map": { receiver, call, rendering in
      guard case .dict(let dict) = try call.unnamed(1...1)[0] else {
        throw PythonError("format_map() argument must be a mapping")
      }
      var inner = Call("format")
      for (key, value) in zip(dict.keys, dict.values) {
        if case .string(let name) = key { inner.named.append((String(decoding: name, as: UTF8.self), value)) }
      }
      return .string(try BraceFormat.format(receiver.bytes, inner, rendering))
    },
    "encode": { _, _, _ in throw PythonError("encode() makes bytes, which are not built in") },
    "translate": { _, _, _ in throw PythonError("translate() is not built in") },
    "maketrans": { _, _, _ in throw PythonError("maketrans() is not built in") },
  ]

  private static func plain(_ change: @escaping ([UInt8]) -> [UInt8]) -> Method {
    { receiver, call, rendering in
      try call.checkEmpty()
      try rendering.make(receiver.bytes.count * 4)
      return .string(change(receiver.bytes))
    }
  }

  private static func question(_ holds: @escaping ([UInt8]) -> Bool) -> Method {
    { receiver, call, rendering in
      try call.checkEmpty()
      try rendering.charge(receiver.bytes.count / 8)
      return .bool(holds(receiver.bytes))
    }
  }

  private static func widthAndFill(_ call: inout Call) throws -> (Int, [UInt8]) {
    let arguments = try call.unnamed(1...2)
    let width = try Optional(arguments[0]).integer()!
    guard arguments.count > 1 else { return (width, [0x20]) }
    let fill = try Optional(arguments[1]).text(call)!
    guard PythonText.count(fill) == 1 else {
      throw PythonError("The fill character must be exactly one character long")
    }
    return (width, fill)
  }
}

extension Value {
  /// The text of a text.
  var bytes: [UInt8] { if case .string(let bytes) = self { bytes } else { [] } }
}

extension PythonText {
  /// - Parameter fill: one character.
  static func padded(
    _ text: [UInt8], before: Int, after: Int, _ fill: [UInt8], _ rendering: Rendering
  ) throws -> [UInt8] {
    let (length, overflows) = (before + after).multipliedReportingOverflow(by: fill.count)
    try rendering.make(overflows ? .max : length)
    try rendering.make(text.count)
    var out: [UInt8] = []
    for _ in 0..<before { out += fill }
    out += text
    for _ in 0..<after { out += fill }
    return out
  }

  /// Python puts the odd space to the left where the width is odd.
  static func centered(
    _ text: [UInt8], _ width: Int, fill: [UInt8] = [0x20], _ rendering: Rendering
  ) throws -> [UInt8] {
    let padding = max(0, width - count(text))
    let left = padding / 2 + (padding & width & 1)
    return try padded(text, before: left, after: padding - left, fill, rendering)
  }

  /// - Parameter most: how many are replaced; all if it is negative.
  static func replacing(
    _ text: [UInt8], _ old: [UInt8], by new: [UInt8], atMost most: Int, _ rendering: Rendering
  ) throws -> [UInt8] {
    try rendering.make(text.count)
    let most = most < 0 ? Int.max : most
    var out: [UInt8] = []
    if old.isEmpty {
      var left = most
      var at = 0
      while true {
        if left > 0 {
          try rendering.make(new.count)
          out += new
          left -= 1
        }
        guard at < text.count else { return out }
        let length = length(text[at])
        out += text[at..<(at + length)]
        at += length
      }
    }
    let places = places(of: old, in: text, atMost: most)
    if places.isEmpty { return text }
    let (added, overflows) = new.count.multipliedReportingOverflow(by: places.count)
    try rendering.make(overflows ? .max : added)
    var from = 0
    for place in places {
      out += text[from..<place]
      out += new
      from = place + old.count
    }
    return out + text[from...]
  }

  static func expandingTabs(_ text: [UInt8], _ size: Int, _ rendering: Rendering) throws -> [UInt8] {
    var out: [UInt8] = []
    var column = 0
    for scalar in scalars(text) {
      switch scalar {
      case "\t":
        guard size > 0 else { continue }
        let count = size - column % size
        try rendering.make(count)
        out += [UInt8](repeating: 0x20, count: count)
        column += count
      case "\n", "\r":
        append(scalar, to: &out)
        column = 0
      default:
        append(scalar, to: &out)
        column += 1
      }
    }
    try rendering.make(text.count)
    return out
  }
}
