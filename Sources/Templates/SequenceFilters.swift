// Filters that cut, order and sum sequences.

enum SequenceFilters {
  nonisolated(unsafe) static let all: [String: Filter] = [
    "list": { value, call, rendering in
      try call.checkEmpty()
      return .list(try List(try value.elements(rendering)))
    },
    "first": { value, call, rendering in
      try call.checkEmpty()
      var iteration = try value.iterate()
      return try iteration.next(rendering)
        ?? rendering.undefined(.hint("No first item, sequence was empty."))
    },
    "last": { value, call, rendering in
      try call.checkEmpty()
      if case .object(let object) = value, !object.isSequence, !(object is DictView) {
        throw PythonError("'\(object.typeName)' object is not reversible")
      }
      return try value.elements(rendering).last
        ?? rendering.undefined(.hint("No last item, sequence was empty."))
    },
    "items": { value, call, _ in
      try call.checkEmpty()
      return .object(
        try LazySequence("generator", over: value) { value in
          switch value {
          case .undefined(let undefined):
            try undefined.use()
            return .nothing
          case .dict(let dict): return .pairs(dict)
          default: throw PythonError("Can only get item pairs from a mapping.")
          }
        })
    },
    "reverse": { value, call, rendering in
      try call.checkEmpty()
      if case .string(let text) = value {
        try rendering.make(text.count)
        return .string(PythonText.bytes(PythonText.scalars(text).reversed()))
      }
      let list = try List(try value.elements(rendering).reversed())
      if case .object(let object) = value, !object.isSequence, !(object is DictView) { return .list(list) }
      var iteration = Iteration.list(list)
      return .object(try LazySequence("reversed", over: [.list(list)]) { try iteration.next($0) })
    },
    "join": { value, call, rendering in
      let arguments = try call.bound("d", "attribute")
      let separator = try arguments[0]?.text(rendering) ?? []
      let path = try AttributePath(arguments[1])
      var iteration = try value.iterate()
      var out: [UInt8] = []
      var isFirst = true
      while let element = try iteration.next(rendering) {
        let text = try path.read(element, rendering).text(rendering)
        try rendering.make(text.count + separator.count)
        if !isFirst { out += separator }
        isFirst = false
        out += text
      }
      return .string(out)
    },
    "batch": { value, call, rendering in
      let arguments = try call.bound("linecount", "fill_with", required: 1)
      let count = try arguments[0].integer()!
      var iteration: Iteration?
      var batch: [Value] = []
      var isDone = false
      return .object(
        try LazySequence("generator", over: [value, arguments[1] ?? .none]) { rendering in
          guard !isDone else { return nil }
          if iteration == nil { iteration = try value.iterate() }
          while let element = try iteration!.next(rendering) {
            defer { batch.append(element) }
            if batch.count == count {
              defer { batch = [] }
              try rendering.make(elements: count)
              return .list(try List(batch))
            }
            try rendering.make(elements: 1)
          }
          isDone = true
          guard !batch.isEmpty else { return nil }
          if let fill = arguments[1], !fill.isNone, batch.count < count {
            try rendering.make(elements: count)
            batch += [Value](repeating: fill, count: count - batch.count)
          }
          return .list(try List(batch))
        })
    },
    "slice": { value, call, rendering in
      let arguments = try call.bound("slices", "fill_with", required: 1)
      let slices = try arguments[0].integer()!
      var elements: [Value]?
      var number = 0
      var place = 0
      return .object(
        try LazySequence("generator", over: [value, arguments[1] ?? .none]) { rendering in
          let all = try elements ?? value.elements(rendering)
          elements = all
          guard slices != 0 else { throw PythonError("integer division or modulo by zero") }
          guard number < slices else { return nil }
          defer { number += 1 }
          let isLarger = number < all.count % slices
          let end = place + all.count / slices + (isLarger ? 1 : 0)
          var slice = Array(all[place..<end])
          place = end
          if let fill = arguments[1], !fill.isNone, !isLarger { slice.append(fill) }
          try rendering.make(elements: slice.count)
          return .list(try List(slice))
        })
    },
    "sum": { value, call, rendering in
      let arguments = try call.bound("attribute", "start")
      let path = try AttributePath(arguments[0])
      var sum = arguments[1] ?? .integer(0)
      if case .string = sum { throw PythonError("sum() can't sum strings [use ''.join(seq) instead]") }
      var iteration = try value.iterate()
      while let element = try iteration.next(rendering) {
        sum = try sum.computed(.add, try path.read(element, rendering), rendering)
      }
      return sum
    },
    "sort": { value, call, rendering in
      let arguments = try call.bound("reverse", "case_sensitive", "attribute")
      let paths = try AttributePath.several(arguments[2])
      let isSensitive = try arguments[1].isTrue()
      let elements = try value.elements(rendering)
      let keys = try elements.map { element -> Value in
        .list(try List(paths.map { try $0.read(element, rendering).key(isSensitive) }))
      }
      return .list(try List(try sorted(elements, by: keys, reverse: arguments[0].isTrue(), rendering)))
    },
    "dictsort": { value, call, rendering in
      let arguments = try call.bound("case_sensitive", "by", "reverse")
      let by = try arguments[1].text(call) ?? Array("key".utf8)
      guard by == Array("key".utf8) || by == Array("value".utf8) else {
        throw PythonError("You can only sort by either \"key\" or \"value\"")
      }
      guard case .dict(let dict) = value else {
        try value.defined()
        throw PythonError("'\(value.typeName)' object has no attribute 'items'")
      }
      let isSensitive = try arguments[0].isTrue()
      let keys = (by == Array("key".utf8) ? dict.keys : dict.values).map { $0.key(isSensitive) }
      let pairs = (0..<dict.count).map { dict.pair($0) }
      return .list(try List(try sorted(pairs, by: keys, reverse: arguments[2].isTrue(), rendering)))
    },
    "groupby": { value, call, rendering in
      let arguments = try call.bound("attribute", "default", "case_sensitive", required: 1)
      let path = try AttributePath(arguments[0], fallback: arguments[1])
      let isSensitive = try arguments[2].isTrue()
      let elements = try value.elements(rendering)
      let values = try elements.map { try path.read($0, rendering) }
      let keys = values.map { $0.key(isSensitive) }
      let order = try sorted(Array(elements.indices), by: keys, reverse: false, rendering)
      var groups: [(places: [Int], key: Value)] = []
      for place in order {
        if let last = groups.last, try last.key.isEqual(to: keys[place]) {
          groups[groups.count - 1].places.append(place)
        } else {
          groups.append(([place], keys[place]))
        }
      }
      try rendering.make(elements: elements.count + groups.count * 4)
      return .list(
        try List(
          groups.map { group in
            .object(
              try Group(
                grouper: isSensitive ? group.key : values[group.places[0]],
                list: .list(List(group.places.map { elements[$0] }))))
          }))
    },
    "min": extreme { try $1.compare(.less, $0) }, "max": extreme { try $1.compare(.greater, $0) },
    "unique": { value, call, rendering in
      let arguments = try call.bound("case_sensitive", "attribute")
      let path = try AttributePath(arguments[1])
      let isSensitive = try arguments[0].isTrue()
      var iteration: Iteration?
      var seen: Set<HashedKey> = []
      return .object(
        try LazySequence("generator", over: [value]) { rendering in
          if iteration == nil { iteration = try value.iterate() }
          while let element = try iteration!.next(rendering) {
            let key = try path.read(element, rendering).key(isSensitive)
            try key.checkHash()
            try rendering.make(elements: 2)
            if seen.insert(HashedKey(key)).inserted { return element }
          }
          return nil
        })
    },
  ]

  private static func sorted<T>(
    _ elements: [T], by keys: [Value], reverse: Bool, _ rendering: Rendering
  ) throws -> [T] {
    try rendering.make(elements: elements.count * 2)
    var order = Array(elements.indices)
    try order.sortStably(rendering) {
      try reverse ? keys[$1].compare(.less, keys[$0]) : keys[$0].compare(.less, keys[$1])
    }
    return order.map { elements[$0] }
  }

  /// - Parameter isBetter: whether the second key takes the place of the first.
  private static func extreme(_ isBetter: @escaping (Value, Value) throws -> Bool) -> Filter {
    { value, call, rendering in
      let arguments = try call.bound("case_sensitive", "attribute")
      let path = try AttributePath(arguments[1])
      let isSensitive = try arguments[0].isTrue()
      var iteration = try value.iterate()
      guard var best = try iteration.next(rendering) else {
        return rendering.undefined(.hint("No aggregated item, sequence was empty."))
      }
      var bestKey = try path.read(best, rendering).key(isSensitive)
      while let element = try iteration.next(rendering) {
        let key = try path.read(element, rendering).key(isSensitive)
        if try isBetter(bestKey, key) { (best, bestKey) = (element, key) }
      }
      return best
    }
  }
}

extension Value {
  /// What orders and groups values: texts in lower case, unless case counts.
  fileprivate func key(_ isCaseSensitive: Bool) -> Value {
    if !isCaseSensitive, case .string(let text) = self { return .string(PythonText.lowercased(text)) }
    return self
  }
}

/// A pair that `groupby` makes: a tuple whose parts have names.
final class Group: Object {
  private let parts: List
  init(grouper: Value, list: Value) throws { parts = try List([grouper, list]) }

  override var typeName: String { "_GroupTuple" }
  override var depth: Int { parts.depth }
  override var count: Int? { 2 }
  override func iteration() -> Iteration { .list(parts) }
  override var isSequence: Bool { true }
  override func element(_ index: Int) -> Value? {
    let place = index < 0 ? index + 2 : index
    return place == 0 || place == 1 ? parts.elements[place] : nil
  }
  override func attribute(_ name: String, _ rendering: Rendering) -> Value? {
    name == "grouper" ? parts.elements[0] : name == "list" ? parts.elements[1] : nil
  }
  override func representation(_ rendering: Rendering) throws -> [UInt8] {
    try Value.tuple(parts).representation(rendering)
  }
  override func isEqual(to other: Object) throws -> Bool {
    guard let other = other as? Group else { return false }
    return try Value.tuple(parts).isEqual(to: .tuple(other.parts))
  }
}
