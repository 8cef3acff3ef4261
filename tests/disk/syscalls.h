// A child process whose system calls are watched: what it really asks of the kernel's files, in order; and the child can be
// killed, or given an error, at any of those calls. Linux' ptrace; errors can be injected on x86-64 only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace zk::disk {

/// A call that changes files, or a word of the child's own. Calls that failed are not among them.
struct FileCall {
    enum class Kind { open, create, write, sync, cut, close, rename, remove, make_dir, word };
    Kind kind{};
    int fd = -1;
    std::string path;          ///< open, create, make_dir, remove; rename: from
    std::string to;            ///< rename
    std::string bytes;         ///< write, word
    std::uint64_t offset = 0;  ///< write; cut: the size
};

/// What becomes of the child at the entry of its `call`th call that is one of those above (without open, close and words).
struct Interruption {
    std::uint64_t call = 0;
    int error = 0;  ///< what the call returns instead of being made; 0: the child is killed
};

struct Watched {
    std::vector<FileCall> calls;
    std::uint64_t changing_calls = 0;  ///< that could have been interrupted
    bool interrupted = false;
    bool ended_well = false;  ///< the child came to its end by itself
};

/// Tells a word, which stands among the calls: for the child.
void say(const std::string& word);

/// Runs `child` in a process of its own, watched. Nothing where this machine does not let processes be traced.
std::optional<Watched> watch(const std::function<void()>& child,
                             std::optional<Interruption> interruption = std::nullopt);

}  // namespace zk::disk
