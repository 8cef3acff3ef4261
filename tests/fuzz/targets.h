// Readers of bytes that somebody else made, each as a function of bytes that a fuzzer calls. What must hold beyond "no
// crash" is asserted in each. Run two ways: by `fuzz` (main.cc), short and from a fixed seed, with every build; and by
// clang's libFuzzer for as long as one likes (`scripts/fuzz TARGET SECONDS`).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace zk::fuzz {

struct Target {
    std::string_view name;
    std::string_view what;  ///< a line for people
    void (*run)(ByteView bytes);
    /// What well-formed input looks like, made by the project's own writers: the corpus in the repository.
    std::vector<Bytes> (*samples)();
};

const std::vector<Target>& targets();
/// Null: there is none of this name.
const Target* find_target(std::string_view name);

// The parts of the table, by what the readers are of.
std::vector<Target> storage_targets();
std::vector<Target> wire_targets();
std::vector<Target> peer_targets();
std::vector<Target> text_targets();
std::vector<Target> tarball_targets();
std::vector<Target> http_targets();

/// The first bytes of an input, as numbers that steer a run.
class Steering {
  public:
    explicit Steering(ByteView& bytes) : bytes_(bytes) {}
    /// 0 to bound - 1; 0 when no byte is left.
    std::size_t below(std::size_t bound) {
        if (bytes_.empty()) return 0;
        const auto byte = static_cast<unsigned char>(bytes_.front());
        bytes_.remove_prefix(1);
        return byte % bound;
    }

  private:
    ByteView& bytes_;
};

/// Gives `bytes` to `feed` in pieces of sizes that follow from the bytes themselves. Ends early when `feed` says false.
template <class Feed>
void in_pieces(ByteView bytes, Feed feed) {
    std::size_t state = 17;
    while (!bytes.empty()) {
        state = state * 31 + static_cast<unsigned char>(bytes.front());
        const std::size_t size = state % 5 == 0 ? bytes.size() : 1 + state % 97;
        if (!feed(bytes.substr(0, size))) return;
        bytes.remove_prefix(std::min(size, bytes.size()));
    }
}

}  // namespace zk::fuzz
