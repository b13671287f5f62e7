// What swiftdp tells TensorBoard, as its messages.
import Base
import Foundation
import Sharding
import SwiftProtobuf

typealias EventValue = Swiftdp_Tensorboard_Summary.Value

extension Event {
  /// The first event of each file.
  static func version(_ time: Date) -> Event {
    var event = Event()
    event.wallTime = time.timeIntervalSince1970
    event.fileVersion = "brain.Event:2"
    return event
  }

  init(_ time: Date, step: Int, _ values: [EventValue]) {
    self.init()
    wallTime = time.timeIntervalSince1970
    self.step = Int64(step)
    var summary = Swiftdp_Tensorboard_Summary()
    summary.value = values
    self.summary = summary
  }
}

extension EventValue {
  /// A number, rounded to fp32 as all of TensorBoard's scalars are.
  init(_ tag: String, _ value: Double) {
    self.init()
    self.tag = tag
    simpleValue = Float(value)
  }

  /// A text, which TensorBoard reads as Markdown.
  init(_ tag: String, text: String) {
    self.init()
    self.tag = tag
    var tensor = Swiftdp_Tensorboard_TensorProto()
    tensor.dtype = Self.string
    var dimension = Swiftdp_Tensorboard_TensorShapeProto.Dim()
    dimension.size = 1
    tensor.tensorShape.dim = [dimension]
    tensor.stringVal = [Data(text.utf8)]
    self.tensor = tensor
    metadata = Self.metadata(of: "text")
  }

  /// How some numbers are distributed, in buckets of one width. Numbers that are not finite are left out.
  init?(_ tag: String, histogram numbers: [Double]) {
    let finite = numbers.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return nil }
    var histogram = Swiftdp_Tensorboard_HistogramProto()
    (histogram.min, histogram.max) = (low, high)
    histogram.num = Double(finite.count)
    histogram.sum = finite.reduce(0, +)
    histogram.sumSquares = finite.reduce(0) { $0 + $1 * $1 }
    let count = low == high ? 1 : min(finite.count, Self.mostBuckets)
    let width = (high - low) / Double(count)
    histogram.bucketLimit = (1..<count + 1).map { $0 == count ? high : low + Double($0) * width }
    histogram.bucket = [Double](repeating: 0, count: count)
    for number in finite {
      histogram.bucket[width > 0 ? min(Int((number - low) / width), count - 1) : 0] += 1
    }
    self.init()
    self.tag = tag
    histo = histogram
  }

  /// Counts by powers of two. Sums are those of the middles of buckets; nil where nothing was counted.
  init?(_ tag: String, _ gradient: GradientHistogram) {
    let (counts, limits) = (gradient.counts, GradientHistogram.limits)
    guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 })
    else {
      return nil
    }
    func low(_ bucket: Int) -> Double { bucket == 0 ? 2 * limits[0] : limits[bucket - 1] }
    var histogram = Swiftdp_Tensorboard_HistogramProto()
    (histogram.min, histogram.max) = (low(first), limits[last])
    for bucket in first...last {
      let (count, middle) = (Double(counts[bucket]), (low(bucket) + limits[bucket]) / 2)
      histogram.num += count
      histogram.sum += count * middle
      histogram.sumSquares += count * middle * middle
    }
    histogram.bucketLimit = Array(limits[first...last])
    histogram.bucket = counts[first...last].map(Double.init)
    self.init()
    self.tag = tag
    histo = histogram
  }

  /// What the page of hyper-parameters knows of a run when it begins, and what it shows of it.
  static func hyperparameters(_ recipe: JSON, metrics: [String], _ time: Date) -> [EventValue] {
    let settings = leaves(recipe, at: "")
    var experiment = Swiftdp_Tensorboard_Experiment()
    experiment.timeCreatedSecs = time.timeIntervalSince1970
    experiment.hparamInfos = settings.map { name, value in
      var info = Swiftdp_Tensorboard_HParamInfo()
      info.name = name
      info.type = value.type
      return info
    }
    experiment.metricInfos = metrics.map { tag in
      var info = Swiftdp_Tensorboard_MetricInfo()
      info.name.tag = tag
      return info
    }
    var start = Swiftdp_Tensorboard_SessionStartInfo()
    start.startTimeSecs = time.timeIntervalSince1970
    start.hparams = Dictionary(settings.map { ($0.name, $0.value) }) { first, _ in first }
    return [
      hyperparameters("experiment") { $0.experiment = experiment },
      hyperparameters("session_start_info") { $0.sessionStartInfo = start },
    ]
  }

  /// That the run has ended well.
  static func sessionEnd(_ time: Date) -> EventValue {
    var end = Swiftdp_Tensorboard_SessionEndInfo()
    end.status = 1
    end.endTimeSecs = time.timeIntervalSince1970
    return hyperparameters("session_end_info") { $0.sessionEndInfo = end }
  }

  private static let string: Int32 = 7
  private static let float: Int32 = 1
  private static let mostBuckets = 30

  private static func metadata(of plugin: String, _ content: Data = Data())
    -> Swiftdp_Tensorboard_SummaryMetadata
  {
    var metadata = Swiftdp_Tensorboard_SummaryMetadata()
    metadata.pluginData.pluginName = plugin
    metadata.pluginData.content = content
    metadata.dataClass = 2
    return metadata
  }

  /// What the plugin reads stands in the metadata of a tensor without elements.
  private static func hyperparameters(
    _ tag: String, _ fill: (inout Swiftdp_Tensorboard_HParamsPluginData) -> Void
  ) -> EventValue {
    var content = Swiftdp_Tensorboard_HParamsPluginData()
    fill(&content)
    var value = EventValue()
    value.tag = "_hparams_/" + tag
    value.metadata = metadata(of: "hparams", (try? content.serializedData()) ?? Data())
    var tensor = Swiftdp_Tensorboard_TensorProto()
    tensor.dtype = float
    tensor.tensorShape.dim = [Swiftdp_Tensorboard_TensorShapeProto.Dim()]
    value.tensor = tensor
    return value
  }

  /// The settings of a recipe by their paths; a list is the text of it.
  private static func leaves(_ json: JSON, at path: String) -> [(name: String, value: HyperparameterValue)] {
    if let members = json.members {
      return members.flatMap { member in
        let key = String(decoding: member.key, as: UTF8.self)
        return leaves(member.value, at: path.isEmpty ? key : path + "." + key)
      }
    }
    return HyperparameterValue(json).map { [(path, $0)] } ?? []
  }
}

private typealias HyperparameterValue = Swiftdp_Tensorboard_HParamValue

extension HyperparameterValue {
  /// Nil for a null.
  fileprivate init?(_ json: JSON) {
    guard !json.isNull else { return nil }
    self.init()
    if let bool = json.bool {
      boolValue = bool
    } else if let number = json.double {
      numberValue = number
    } else {
      stringValue = json.text ?? json.encoded()
    }
  }

  fileprivate var type: Int32 {
    switch kind {
    case .boolValue: 2
    case .numberValue: 3
    default: 1
    }
  }
}
