// What an analyst's tool does with clickhouse-jdbc: tables and columns, rows, bound parameters, a long answer, errors.
// Arguments: address, password, "compressed" or "plain". Prints one JSON object.
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public class Ask {
    private static final Pattern CODE = Pattern.compile("Code: (\\d+)");

    public static void main(String[] arguments) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", "analyst");
        properties.setProperty("password", arguments[1]);
        properties.setProperty("compress", Boolean.toString(arguments[2].equals("compressed")));
        String url = "jdbc:clickhouse://" + arguments[0] + "/default";
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            List<String> found = new ArrayList<>();
            found.add("\"valid\":" + connection.isValid(10));
            DatabaseMetaData about = connection.getMetaData();
            found.add("\"tables\":" + listed(about.getTables(null, "default", "%", null), "TABLE_NAME"));
            found.add("\"columns\":" + listed(about.getColumns(null, "default", "events", "%"), "COLUMN_NAME"));
            found.add("\"revenues\":" + revenues(connection));
            found.add("\"bound\":" + bound(connection));
            found.add("\"sum\":" + sum(connection));
            found.add("\"errors\":[" + code(connection, "SELECT nosuch") + "," + code(connection, "DROP TABLE events")
                + "," + code(connection, "SELECT throwIf(number = 400000) FROM numbers(500000)") + "]");
            System.out.println("{" + String.join(",", found) + "}");
        }
    }

    private static String listed(ResultSet rows, String column) throws SQLException {
        List<String> names = new ArrayList<>();
        while (rows.next()) {
            names.add('"' + rows.getString(column) + '"');
        }
        return names.toString();
    }

    private static String revenues(Connection connection) throws SQLException {
        List<String> pairs = new ArrayList<>();
        String query = "SELECT event, sum(revenue) AS total, min(timestamp) AS first FROM touchpoints"
            + " GROUP BY event ORDER BY event";
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                pairs.add(String.format("[\"%s\",\"%s\",\"%s\"]", rows.getString(1), rows.getBigDecimal(2),
                    rows.getTimestamp(3).toInstant()));
            }
        }
        return pairs.toString();
    }

    private static String bound(Connection connection) throws SQLException {
        String query = "SELECT count() FROM events WHERE user_id = ? AND event LIKE ? AND source != ?";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setString(1, "u1");
            statement.setString(2, "%Viewed");
            statement.setString(3, "it's \\ not");
            try (ResultSet rows = statement.executeQuery()) {
                rows.next();
                return rows.getString(1);
            }
        }
    }

    private static long sum(Connection connection) throws SQLException {
        long sum = 0;
        String query = "SELECT number FROM numbers(300000)";
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                sum += rows.getLong(1);
            }
        }
        return sum;
    }

    private static String code(Connection connection, String query) {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(query)) {
            while (rows.next()) {
                rows.getString(1);
            }
            return "0";
        } catch (SQLException | RuntimeException error) {
            for (Throwable each = error; each != null; each = each.getCause()) {
                Matcher matcher = CODE.matcher(String.valueOf(each.getMessage()));
                if (matcher.find()) {
                    return matcher.group(1);
                }
            }
            return '"' + String.valueOf(error).replace('"', '\'').replace('\n', ' ') + '"';
        }
    }
}
