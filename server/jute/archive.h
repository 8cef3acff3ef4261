// Jute, the serialization of everything ZooKeeper says and stores: big-endian, no tags, no padding.
// Pure. A record lists its fields once, for reading and writing:
//
//   struct Id {
//       std::string scheme, id;
//       static void fields(auto& archive, auto& self) { archive(self.scheme, self.id); }
//   };
//
// Reading never throws and never trusts a length: after the first bad byte the archive has failed, further reads give
// zeros, and the caller looks at ok() once. Source: ZooKeeper BinaryInputArchive, BinaryOutputArchive.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"

namespace zk::jute {

/// A jute buffer or nullable ustring: null (-1 on the wire) and empty are different values.
using Buffer = std::optional<Bytes>;
using NullableString = std::optional<std::string>;

/// Appends records to a byte string.
class OutputArchive {
  public:
    static constexpr bool kReading = false;
    explicit OutputArchive(Bytes& out) : out_(out) {}

    template <class... Fields>
    void operator()(const Fields&... fields) {
        (write(fields), ...);
    }

    void write(bool value) { out_.push_back(value ? '\1' : '\0'); }
    void write(std::int32_t value) { append_be(out_, value); }
    void write(std::int64_t value) { append_be(out_, value); }
    void write(std::uint64_t value) { append_be(out_, value); }
    void write(Zxid zxid) { append_be(out_, zxid.value()); }
    template <class Tag, class Rep>
    void write(Id<Tag, Rep> id) {
        append_be(out_, id.value());
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void write(Enum value) { append_be(out_, static_cast<std::int32_t>(value)); }
    void write(std::string_view text) {
        append_be(out_, static_cast<std::int32_t>(text.size()));
        out_.append(text);
    }
    void write(const std::string& text) { write(std::string_view(text)); }
    void write(const char* text) { write(std::string_view(text)); }
    void write(const Buffer& buffer) {
        if (buffer) {
            write(std::string_view(*buffer));
        } else {
            append_be(out_, std::int32_t{-1});
        }
    }
    template <class T>
    void write(const std::vector<T>& items) {
        append_be(out_, static_cast<std::int32_t>(items.size()));
        for (const T& item : items) write(item);
    }
    template <class Record>
    requires requires(OutputArchive& a, const Record& r) { Record::fields(a, r); }
    void write(const Record& record) { Record::fields(*this, record); }

  private:
    Bytes& out_;
};

/// Reads records from a span of bytes, which must outlive the archive.
class InputArchive {
  public:
    static constexpr bool kReading = true;
    /// `length_max` bounds each string and buffer. What bounds a client's is its frame.
    explicit InputArchive(ByteView bytes, std::int32_t length_max = limits::kJuteRecordMost)
        : bytes_(bytes), length_max_(length_max) {}

    /// False after the first short or unreasonable read.
    [[nodiscard]] bool ok() const { return ok_; }
    /// True when no byte is left. Trailing bytes are legal in ZooKeeper and mean a newer or optional field.
    [[nodiscard]] bool at_end() const { return position_ == bytes_.size(); }
    [[nodiscard]] std::size_t position() const { return position_; }
    [[nodiscard]] ByteView rest() const { return bytes_.substr(position_); }
    void fail() { ok_ = false; }

    template <class... Fields>
    void operator()(Fields&... fields) {
        (read(fields), ...);
    }
    /// Reads one value of type T; a zero value when the archive has failed.
    template <class T>
    T get() {
        T value{};
        read(value);
        return value;
    }

    void read(bool& value) {
        const ByteView raw = take(1);
        value = !raw.empty() && raw[0] != '\0';
    }
    void read(std::int32_t& value) { read_integer(value); }
    void read(std::int64_t& value) { read_integer(value); }
    void read(std::uint64_t& value) { read_integer(value); }
    void read(Zxid& zxid) { zxid = Zxid(get<std::int64_t>()); }
    template <class Tag, class Rep>
    void read(Id<Tag, Rep>& id) {
        id = Id<Tag, Rep>(get<Rep>());
    }
    template <class Enum>
    requires std::is_enum_v<Enum>
    void read(Enum& value) { value = static_cast<Enum>(get<std::int32_t>()); }
    /// A string that must not be null.
    void read(std::string& text) {
        const std::int32_t length = get<std::int32_t>();
        if (length < 0) return fail();
        text.assign(take_length(length));
    }
    void read(Buffer& buffer) {
        const std::int32_t length = get<std::int32_t>();
        buffer.reset();
        if (length == -1 || !ok_) return;
        if (length < 0) return fail();
        buffer.emplace(take_length(length));
    }
    /// Null and other negative counts read as empty, as in ZooKeeper. The count is not trusted for allocation.
    template <class T>
    void read(std::vector<T>& items) {
        items.clear();
        const std::int32_t count = get<std::int32_t>();
        for (std::int32_t i = 0; i < count && ok_; ++i) {
            T item{};
            read(item);
            if (ok_) items.push_back(std::move(item));
        }
    }
    template <class Record>
    requires requires(InputArchive& a, Record& r) { Record::fields(a, r); }
    void read(Record& record) { Record::fields(*this, record); }

  private:
    template <class Int>
    void read_integer(Int& value) {
        const ByteView raw = take(sizeof(Int));
        value = raw.empty() ? Int{} : static_cast<Int>(load_be<Int>(raw.data()));
    }
    ByteView take_length(std::int32_t length) {
        if (length > length_max_) {
            fail();
            return {};
        }
        return take(static_cast<std::size_t>(length));
    }
    ByteView take(std::size_t count) {
        if (!ok_ || bytes_.size() - position_ < count) {
            fail();
            return {};
        }
        const ByteView part = bytes_.substr(position_, count);
        position_ += count;
        return part;
    }

    ByteView bytes_;
    std::size_t position_ = 0;
    std::int32_t length_max_;
    bool ok_ = true;
};

/// The record's bytes.
template <class Record>
Bytes encode(const Record& record) {
    Bytes out;
    OutputArchive archive(out);
    archive.write(record);
    return out;
}

/// The record at the start of `bytes` (trailing bytes are ignored), or nullopt.
template <class Record>
std::optional<Record> decode(ByteView bytes) {
    InputArchive archive(bytes);
    Record record{};
    archive.read(record);
    if (!archive.ok()) return std::nullopt;
    return record;
}

}  // namespace zk::jute
