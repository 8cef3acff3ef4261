// Stands in for zkprov-agent: called as `fake_agent connect --stdio`, echoes every frame (4 bytes
// of length, then a type and a payload). Some payloads make it behave badly.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

namespace {

bool read_exactly(char* to, std::size_t size) {
    while (size > 0) {
        const ssize_t got = ::read(0, to, size);
        if (got <= 0) return false;
        to += got;
        size -= static_cast<std::size_t>(got);
    }
    return true;
}

bool write_all(const char* from, std::size_t size) {
    while (size > 0) {
        const ssize_t put = ::write(1, from, size);
        if (put <= 0) return false;
        from += put;
        size -= static_cast<std::size_t>(put);
    }
    return true;
}

constexpr char kBlobChunk = 7;

bool send_frame(const std::string& payload) {
    const auto size = static_cast<std::uint32_t>(payload.size() + 1);
    const char header[4] = {static_cast<char>(size >> 24U),
                            static_cast<char>(size >> 16U),
                            static_cast<char>(size >> 8U),
                            static_cast<char>(size)};
    // In one piece, as the agent does.
    const std::string frame = std::string(header, sizeof header) + kBlobChunk + payload;
    return write_all(frame.data(), frame.size());
}

void complain(const char* words) {
    if (::write(2, words, std::strlen(words)) < 0) std::exit(9);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || std::strcmp(argv[1], "connect") != 0 || std::strcmp(argv[2], "--stdio") != 0) {
        complain("usage: fake_agent connect --stdio\n");
        return 2;
    }
    while (true) {
        unsigned char header[4];
        if (!read_exactly(reinterpret_cast<char*>(header), sizeof header)) return 0;
        const std::uint32_t size = (std::uint32_t{header[0]} << 24U) |
                                   (std::uint32_t{header[1]} << 16U) |
                                   (std::uint32_t{header[2]} << 8U) | header[3];
        std::string payload(size, '\0');
        if (size == 0 || !read_exactly(payload.data(), size)) return 0;
        payload.erase(0, 1);
        if (payload == "fail") {
            complain("the disk is on fire\n");
            return 3;
        }
        if (payload == "silence") {
            ::pause();
        } else if (payload == "babble") {
            // Answers far more than it was told before it reads on.
            const std::string large(1 << 20, 'x');
            for (int i = 0; i < 8; ++i) {
                if (!send_frame(large)) return 1;
            }
        } else if (payload.starts_with("twice ")) {
            // Two frames, so many microseconds apart.
            if (!send_frame(payload)) return 1;
            const auto apart = std::chrono::microseconds(std::atoi(payload.c_str() + 6));
            const auto second = std::chrono::steady_clock::now() + apart;
            while (std::chrono::steady_clock::now() < second) {
            }
            if (!send_frame(payload)) return 1;
        } else if (payload.starts_with("sink ")) {
            // Only taken.
        } else if (payload == "uid") {
            if (!send_frame(std::to_string(::getuid()))) return 1;
        } else if (!send_frame(payload)) {
            return 1;
        }
    }
}
