// The tokens of a template.

enum Token: Equatable {
  /// Text outside of all tags.
  case data([UInt8])
  case variableBegin, variableEnd, blockBegin, blockEnd
  case name(String)
  case string([UInt8])
  case integer(Int)
  case float(Double)
  case sign(Sign)
  case end

  /// Operators and punctuation.
  enum Sign: String, CaseIterable {
    case add = "+"
    case subtract = "-"
    case floorDivide = "//"
    case divide = "/"
    case power = "**"
    case multiply = "*"
    case modulo = "%"
    case tilde = "~"
    case leftBracket = "["
    case rightBracket = "]"
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case leftBrace = "{"
    case rightBrace = "}"
    case equal = "=="
    case assign = "="
    case notEqual = "!="
    case greaterOrEqual = ">="
    case greater = ">"
    case lessOrEqual = "<="
    case less = "<"
    case dot = "."
    case colon = ":"
    case pipe = "|"
    case comma = ","
    case semicolon = ";"
  }

  /// The token in words, for messages.
  var words: String {
    switch self {
    case .data: "text"
    case .variableBegin: "{{"
    case .variableEnd: "}}"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .name(let name): name
    case .string: "a string"
    case .integer, .float: "a number"
    case .sign(let sign): sign.rawValue
    case .end: "the end of the template"
    }
  }
}

struct PlacedToken {
  var token: Token
  var line: Int
}
