#include "inventory/apache.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "inventory/inventory.h"
#include "inventory/section.h"
#include "inventory/settings.h"
#include "inventory/unit_templates.h"

namespace zk::inventory {
namespace {

using agent_api::FileKind;
using agent_api::FileSpec;

constexpr std::array<ApacheLine, 3> kLines = {
    ApacheLine{"3.7", 8}, ApacheLine{"3.8", 8}, ApacheLine{"3.9", 8}};

// 3.7 logs by log4j, 3.8 and later by logback, Debian's 3.8 as 3.7. Both files are there; a server reads that of its
// library.

constexpr std::string_view kLogback =
    R"(<!-- To the journal, which has the time of each line itself.
     Written by zkprov apply, which overwrites changes made here. -->
<configuration>
  <appender name="CONSOLE" class="ch.qos.logback.core.ConsoleAppender">
    <encoder>
      <pattern>%p [%t:%logger{30}@%line] %m%n</pattern>
    </encoder>
  </appender>
  <root level="INFO">
    <appender-ref ref="CONSOLE"/>
  </root>
</configuration>
)";
constexpr std::string_view kLog4j = R"(# To the journal, which has the time of each line itself.
# Written by zkprov apply, which overwrites changes made here.
log4j.rootLogger=INFO, CONSOLE
log4j.appender.CONSOLE=org.apache.log4j.ConsoleAppender
log4j.appender.CONSOLE.layout=org.apache.log4j.PatternLayout
log4j.appender.CONSOLE.layout.ConversionPattern=%p [%t:%c{1}@%L] %m%n
)";

bool is_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void read_flags(Section& server, Diagnostics& diagnostics, ApacheSettings& settings) {
    // What a server's safety rests on.
    constexpr std::string_view kAutocreate = "-Dzookeeper.db.autocreate";
    settings.jvm_flags = server.texts("jvm_flags");
    for (const std::string& flag : settings.jvm_flags) {
        if (!is_jvm_flag(flag)) {
            diagnostics.error(server.mark_of("jvm_flags"),
                              server.path_of("jvm_flags"),
                              "must be flags of java such as -XX:+UseG1GC, each an entry of the "
                              "list, without blanks, quotes and any of \\ % $ ; found \"" +
                                  flag + "\"");
        } else if (flag.starts_with(kAutocreate)) {
            diagnostics.error(server.mark_of("jvm_flags"),
                              server.path_of("jvm_flags"),
                              std::string(kAutocreate) +
                                  " is zkprov's: an empty server may not vote; remove the flag");
        } else if (flag.starts_with("-Xmx")) {
            diagnostics.error(server.mark_of("jvm_flags"),
                              server.path_of("jvm_flags"),
                              "write server.heap instead of -Xmx");
        }
    }
}

void read_tarball(Section& server,
                  const std::string& working_dir,
                  Diagnostics& diagnostics,
                  ApacheSettings& settings) {
    if (server.find("tarball") == nullptr) {
        diagnostics.error(server.mark(),
                          server.path_of("tarball"),
                          "is missing; name the release of Apache's server, such as tarball: "
                          "apache-zookeeper-3.8.4-bin.tar.gz");
        return;
    }
    const auto text = server.text("tarball");
    if (!text) return;
    settings.tarball = text->starts_with('/') ? *text : working_dir + "/" + *text;
}

void read_sha512(Section& server, Diagnostics& diagnostics, ApacheSettings& settings) {
    auto text = server.text("sha512");
    if (!text) return;
    std::ranges::transform(
        *text, text->begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (text->size() == 128 && is_hex(*text)) {
        settings.sha512 = *std::move(text);
        return;
    }
    diagnostics.error(server.mark_of("sha512"),
                      server.path_of("sha512"),
                      "must be the 128 hex digits of the tarball's .sha512 file, found " +
                          std::to_string(text->size()) + " characters");
}

/// What only Apache's server needs; with ours it would be silently left out.
void refuse_without_apache(Section& server) {
    for (const std::string_view key : {"tarball", "sha512", "java", "heap", "jvm_flags"}) {
        server.refuse(key, "it belongs to flavor: apache");
    }
}

std::string exec_flags(const ApacheSettings& apache,
                       const std::map<std::string, std::string>& properties) {
    std::string flags = "-Xmx" + apache.heap;
    for (const auto& [key, value] : properties) flags += " -D" + key + "=" + value;
    for (const std::string& flag : apache.jvm_flags) flags += " " + flag;
    return flags;
}

/// Of "/opt/jdk-17/bin/java": "/opt/jdk-17", by which Apache's scripts find it. Empty: only a java in PATH will do.
std::string java_home(const std::string& java) {
    constexpr std::string_view kEnd = "/bin/java";
    return java.ends_with(kEnd) ? java.substr(0, java.size() - kEnd.size()) : std::string();
}

}  // namespace

const ApacheLine* apache_line(std::string_view version) {
    for (const ApacheLine& line : kLines) {
        if (!version.starts_with(line.name)) continue;
        const std::string_view rest = version.substr(line.name.size());
        if (rest.empty() || rest[0] < '0' || rest[0] > '9') return &line;
    }
    return nullptr;
}

std::string known_apache_lines() {
    std::string text;
    for (std::size_t i = 0; i < kLines.size(); ++i) {
        if (i > 0) text += i + 1 == kLines.size() ? " and " : ", ";
        text += kLines[i].name;
    }
    return text;
}

std::optional<ApacheSettings> read_apache_settings(Section& server,
                                                   const std::string& working_dir,
                                                   ApacheFrom from,
                                                   Diagnostics& diagnostics) {
    server.refuse("flavour", "write flavor");
    const auto flavor = server.text("flavor");
    if (!flavor || *flavor == "zkserver") {
        refuse_without_apache(server);
        return std::nullopt;
    }
    if (*flavor != "apache") {
        diagnostics.error(server.mark_of("flavor"),
                          server.path_of("flavor"),
                          "must be zkserver or apache, found \"" + *flavor + "\"");
        return std::nullopt;
    }
    ApacheSettings settings;
    if (from == ApacheFrom::image) {
        for (const char* const key : {"tarball", "sha512", "java"}) {
            server.refuse(key, "with runtime: docker the image holds it; remove the key");
        }
    } else {
        read_tarball(server, working_dir, diagnostics, settings);
        read_sha512(server, diagnostics, settings);
    }
    if (const auto java = server.text("java")) {
        const Written written{*java, server.mark_of("java"), server.path_of("java")};
        settings.java = check_directory(written, diagnostics).value_or("");
    }
    if (const auto heap = server.text("heap")) {
        settings.heap = *heap;
        if (!is_heap(*heap)) {
            diagnostics.error(server.mark_of("heap"),
                              server.path_of("heap"),
                              "must be a size such as 512m or 2g, found \"" + *heap + "\"");
        }
    }
    read_flags(server, diagnostics, settings);
    return settings;
}

bool is_heap(std::string_view text) {
    if (text.size() < 2 || text.size() > 8) return false;
    const char unit = text.back();
    text.remove_suffix(1);
    return (unit == 'm' || unit == 'M' || unit == 'g' || unit == 'G') && text.front() != '0' &&
           text.find_first_not_of("0123456789") == std::string_view::npos;
}

// It stands in a unit file, where some characters mean something.
bool is_jvm_flag(std::string_view text) {
    return text.starts_with('-') && text.size() <= 500 && std::ranges::all_of(text, [](char c) {
               return c > ' ' && c < 0x7f &&
                      std::string_view("\"'\\%$;`").find(c) == std::string_view::npos;
           });
}

bool is_property_only(std::string_view key) {
    constexpr std::array<std::string_view, 4> kKeys = {"jute.maxbuffer",
                                                       "readonlymode.enabled",
                                                       "znode.container.checkIntervalMs",
                                                       "znode.container.maxPerMinute"};
    return std::ranges::find(kKeys, key) != kKeys.end();
}

void add_apache_logging(agent_api::NodeSpec& spec) {
    for (const auto& [name, text] :
         {std::pair("logback.xml", kLogback), std::pair("log4j.properties", kLog4j)}) {
        FileSpec file;
        file.path = spec.install_dir + "/conf/" + name;
        file.mode = 0644;
        file.owner = spec.container ? "0:0" : "root:root";
        file.content = text;
        spec.files.push_back(std::move(file));
    }
}

Result<> add_apache_files(const Inventory& inventory,
                          const std::map<std::string, std::string>& properties,
                          agent_api::NodeSpec& spec) {
    const ApacheSettings& apache = *inventory.apache;
    std::map<std::string, std::string> values = template_values(spec);
    values["JAVA"] = apache.java;
    values["JAVA_HOME"] = java_home(apache.java);
    values["JVM_FLAGS"] = exec_flags(apache, properties);
    values["SERVER_UNIT"] = spec.server_unit;
    const auto add = [&](std::string path,
                         std::uint32_t mode,
                         FileKind kind,
                         std::string_view text) -> Result<> {
        ZK_TRY(auto file, filled_file(std::move(path), mode, kind, text, values));
        spec.files.push_back(std::move(file));
        return ok();
    };
    add_apache_logging(spec);
    for (const Script& script : kApacheScripts) {
        ZK_CHECK(add(spec.install_dir + "/bin/" + std::string(script.name),
                     0755,
                     FileKind::plain,
                     script.text));
    }
    return add(std::string(kUnitDir) + spec.server_unit, 0644, FileKind::unit, kApacheUnitTemplate);
}

}  // namespace zk::inventory
