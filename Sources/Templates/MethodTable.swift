// Which methods Python's types have for templates, and which of them the sandbox keeps from them.

enum MethodTable {
  /// What one name means for each type.
  struct Found {
    let ofString, ofDict, ofList, ofTuple, ofInteger, ofFloat: Method?
    private let changesDict, changesList: Bool

    init(_ name: String) {
      ofString = StringMethods.all[name]
      changesDict = MethodTable.changesDict.contains(name)
      changesList = MethodTable.changesList.contains(name)
      ofDict = changesDict ? MethodTable.refused : ContainerMethods.ofDict[name]
      ofList = changesList ? MethodTable.refused : ContainerMethods.ofList[name]
      ofTuple = ContainerMethods.ofTuple[name]
      ofInteger = NumberMethods.ofInteger[name]
      ofFloat = NumberMethods.ofFloat[name]
    }

    func isUnsafe(for value: Value) -> Bool {
      switch value {
      case .dict: changesDict
      case .list: changesList
      default: false
      }
    }
  }

  /// Jinja's sandbox lets templates change nothing.
  private static let changesDict: Set = ["clear", "pop", "popitem", "setdefault", "update"]
  private static let changesList: Set = [
    "append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove",
  ]

  private static let refused: @Sendable (Value, inout Call, Rendering) throws -> Value = {
    receiver, call, _ in
    throw PythonError(Undefined(.unsafe(call.name, ofType: receiver.typeName)).message)
  }

  /// Names that Python gives to every object.
  static let privateNames: Set = [
    "__class__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__", "__ge__", "__getattribute__",
    "__gt__",
    "__hash__", "__init__", "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__", "__reduce__",
    "__reduce_ex__", "__repr__", "__setattr__", "__sizeof__", "__str__", "__subclasshook__", "__len__",
    "__iter__",
    "__getitem__", "__contains__",
  ]
}

enum NumberMethods {
  nonisolated(unsafe) static let ofInteger: [String: Method] = [
    "bit_length": { receiver, call, _ in
      try call.checkEmpty()
      return .integer(Int.bitWidth - (receiver.index ?? 0).magnitude.leadingZeroBitCount)
    },
    "bit_count": { receiver, call, _ in
      try call.checkEmpty()
      return .integer((receiver.index ?? 0).magnitude.nonzeroBitCount)
    },
    "conjugate": { receiver, call, _ in
      try call.checkEmpty()
      return .integer(receiver.index ?? 0)
    },
  ]

  nonisolated(unsafe) static let ofFloat: [String: Method] = [
    "is_integer": { receiver, call, _ in
      try call.checkEmpty()
      guard let number = receiver.number else { return .bool(false) }
      return .bool(number.isFinite && number == number.rounded())
    },
    "conjugate": { receiver, call, _ in
      try call.checkEmpty()
      return receiver
    },
  ]
}
