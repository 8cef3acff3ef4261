#include "bundle/bundle.h"

#include <algorithm>
#include <array>
#include <utility>

#include "agent_api/digest.h"

namespace zk::bundle {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kNameMax = 100;
constexpr std::uint64_t kSizeMax = (1ULL << 33U) - 1;  // eleven octal digits
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumSize = 8;

using Header = std::array<char, kBlock>;

void put(Header& header, std::size_t at, std::string_view text) {
    std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(at));
}

/// `digits` octal digits; the 0 byte behind them is there already.
void put_octal(Header& header, std::size_t at, std::size_t digits, std::uint64_t number) {
    for (std::size_t i = digits; i-- > 0; number >>= 3U) {
        header[at + i] = static_cast<char>('0' + (number & 7U));
    }
}

/// The fields stand where POSIX.1-1988 has them; owner and time are those of nobody, so that bytes depend on files only.
Header header_of(const Member& member) {
    Header header{};
    put(header, 0, member.name);
    put_octal(header, 100, 7, member.mode);
    put_octal(header, 108, 7, 0);  // user
    put_octal(header, 116, 7, 0);  // group
    put_octal(header, 124, 11, member.content.size());
    put_octal(header, 136, 11, 0);  // time
    header[156] = '0';              // a plain file
    put(header, 257, "ustar");
    put(header, 263, "00");
    put(header, 265, "root");
    put(header, 297, "root");
    put_octal(header, 329, 7, 0);
    put_octal(header, 337, 7, 0);
    // The checksum counts its own field as blanks.
    std::fill_n(header.begin() + kChecksumAt, kChecksumSize, ' ');
    std::uint64_t sum = 0;
    for (const char byte : header) sum += static_cast<unsigned char>(byte);
    put_octal(header, kChecksumAt, 6, sum);
    header[kChecksumAt + 6] = '\0';
    return header;
}

Result<> check(const Member& member) {
    const std::string& name = member.name;
    if (name.empty() || name.size() > kNameMax ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos || name == "." ||
        name == "..") {
        return Error(Errc::invalid, "\"" + name + "\" is no name for a file of a bundle");
    }
    if (member.content.size() > kSizeMax) {
        return Error(Errc::invalid, name + " is too large for a bundle: 8 GiB or more");
    }
    return ok();
}

}  // namespace

Result<Bytes> write_tar(const std::vector<Member>& members) {
    Bytes tar;
    for (const Member& member : members) {
        ZK_CHECK(check(member));
        const Header header = header_of(member);
        tar.append(header.data(), header.size());
        tar.append(member.content);
        tar.append((kBlock - member.content.size() % kBlock) % kBlock, '\0');
    }
    tar.append(2 * kBlock, '\0');
    return tar;
}

Result<Bytes> write_bundle(ByteView agent, ByteView server) {
    std::vector<Member> members = {{"zkprov-agent", 0755, Bytes(agent)},
                                   {"zkserver", 0755, Bytes(server)},
                                   {"install.sh", 0755, Bytes(kInstallScript)}};
    Bytes sums;
    for (const Member& member : members) {
        sums += agent_api::sha256_hex(member.content) + "  " + member.name + "\n";
    }
    members.push_back({"SHA256SUMS", 0644, std::move(sums)});
    return write_tar(members);
}

}  // namespace zk::bundle
