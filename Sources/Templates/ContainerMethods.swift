// The methods of dicts, lists and tuples that change nothing.

enum ContainerMethods {
  nonisolated(unsafe) static let ofDict: [String: Method] = [
    "get": { receiver, call, _ in
      let arguments = try call.unnamed(1...2)
      guard case .dict(let dict) = receiver else { return .none }
      if let place = try dict.place(of: arguments[0]) { return dict.values[place] }
      return arguments.count > 1 ? arguments[1] : .none
    },
    "items": view(.items), "keys": view(.keys), "values": view(.values),
    "copy": { receiver, call, _ in
      try call.checkEmpty()
      return receiver
    },
    "fromkeys": { _, call, rendering in
      let arguments = try call.unnamed(1...2)
      var builder = DictBuilder()
      for key in try arguments[0].elements(rendering) {
        try builder.set(key, arguments.count > 1 ? arguments[1] : .none)
      }
      return .dict(try builder.dict())
    },
  ]

  private static func view(_ kind: DictView.Kind) -> Method {
    { receiver, call, _ in
      try call.checkEmpty()
      guard case .dict(let dict) = receiver else { return .none }
      return .object(try DictView(kind, dict))
    }
  }

  nonisolated(unsafe) static let ofTuple: [String: Method] = ["count": count, "index": index]
  nonisolated(unsafe) static let ofList: [String: Method] = [
    "count": count, "index": index,
    "copy": { receiver, call, _ in
      try call.checkEmpty()
      return receiver
    },
  ]

  private static func count(_ receiver: Value, _ call: inout Call, _ rendering: Rendering) throws -> Value {
    let wanted = try call.unnamed(1...1)[0]
    let elements = try receiver.elements(rendering)
    try rendering.charge(elements.count)
    return .integer(try elements.count { try $0.isEqual(to: wanted) })
  }

  private static func index(_ receiver: Value, _ call: inout Call, _ rendering: Rendering) throws -> Value {
    let arguments = try call.unnamed(1...3)
    let elements = try receiver.elements(rendering)
    try rendering.charge(elements.count)
    func bound(_ number: Int, _ fallback: Int) throws -> Int {
      guard arguments.count > number, let bound = try Optional(arguments[number]).integer() else {
        return fallback
      }
      return max(0, min(bound < 0 ? max(bound, -elements.count) + elements.count : bound, elements.count))
    }
    let start = try bound(1, 0)
    let stop = try bound(2, elements.count)
    for place in start..<max(start, stop) where try elements[place].isEqual(to: arguments[0]) {
      return .integer(place)
    }
    throw PythonError("\(arguments[0].shortRepresentation) is not in \(receiver.typeName)")
  }
}
